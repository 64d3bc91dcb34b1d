"""Taking: what becomes of a file's judged rows."""
