"""Looking: which files lie there that nobody writes any more, and taking them to be read."""
