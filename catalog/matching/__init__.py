"""Matching: what somebody needs against what the catalogue holds, item by item."""
