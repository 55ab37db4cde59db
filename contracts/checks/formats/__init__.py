"""Domain formats, one module each: what a value must be, how it is recognized, what is said of it."""
