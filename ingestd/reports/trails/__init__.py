"""Following one payment or charge through the books, to the file and row it came from."""
