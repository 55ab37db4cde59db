"""A delivery's way into the lake, and back: opened, staged, checked, merged; quarantined, undone, rebuilt."""
