"""待办: what waits for the reader."""
