"""What a file tells of itself: where its table is, what its columns are, what must be asked; a draft of it."""
