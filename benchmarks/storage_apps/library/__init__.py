"""A lending library: books, authors, readers and loans."""
