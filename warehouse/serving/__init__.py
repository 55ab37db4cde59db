"""What is read from the lake, always through a view: pages, questions, extracts, versions compared."""
