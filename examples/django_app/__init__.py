"""A lending library in Django, to see requests of every kind on the platform (see README.md)."""
