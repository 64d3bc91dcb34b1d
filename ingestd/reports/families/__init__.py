"""Families: what each owes and how it came to that, its statement, and how it is reached."""
