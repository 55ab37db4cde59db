"""The Excel template of a contract: made, known again by its mark, given back with its errors."""
