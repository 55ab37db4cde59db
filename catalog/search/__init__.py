"""Finding entries: by words, and by facets."""
