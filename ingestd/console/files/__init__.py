"""Files: dropped, previewed, confirmed, and what became of each."""
