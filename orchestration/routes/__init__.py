"""The three routes by which data comes: request, buy, collect."""
