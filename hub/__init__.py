"""Everything that can be done in the hub: each act decides, does and records in one function; the doors only translate."""
