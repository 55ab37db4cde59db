"""批次: deliveries, their quarantine, and what is decided about them."""
