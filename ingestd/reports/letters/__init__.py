"""Letters: a family's statement and what it is reminded of, as a page and in plain text."""
