"""获取: the register, completeness of collections, channels, the calendar."""
