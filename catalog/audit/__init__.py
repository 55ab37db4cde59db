"""The chain of records: appended, sealed, verified, witnessed."""
