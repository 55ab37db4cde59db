"""The demo pack: what eight departments, one vendor and twelve agencies would really hand over."""
