"""Checks over polars frames: for Python, and the oracle of the SQL in tests."""
