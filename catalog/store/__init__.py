"""The catalogue's database, and what its tables share."""
