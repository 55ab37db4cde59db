"""Looking over all wings: the register, the inbox, the home page's figures, the hub's health."""
