"""Who: people, their organizations, keys, passwords and sessions."""
