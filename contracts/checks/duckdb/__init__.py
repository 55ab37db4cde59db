"""Checks as DuckDB SQL: what production runs."""
