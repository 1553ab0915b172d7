"""A bakery's tasks in Celery, to see tasks on the platform (see README.md)."""
