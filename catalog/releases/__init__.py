"""Published versions, and which one a moment means."""
