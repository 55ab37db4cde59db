"""A file that has no contract yet: profiled, drafted, and the draft proved on the file's own rows."""
