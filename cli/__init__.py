"""The `hub` command: the only place where the parts are wired for a person at a terminal."""
