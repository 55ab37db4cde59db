"""What came: batches, and the quality of what they held."""
