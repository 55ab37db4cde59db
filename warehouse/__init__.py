"""Bytes and tables: landing, check and load, releases, governed queries. The only importer of duckdb."""
