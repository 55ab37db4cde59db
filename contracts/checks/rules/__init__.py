"""Rules, one record each: what is asked, in SQL and in polars, how it is called, what its fault says."""
