"""Domain formats: how each is recognized, and its check in both engines."""
