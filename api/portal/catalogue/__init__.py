"""目录: search, and a resource with its tabs."""
