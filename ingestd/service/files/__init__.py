"""Files that come by HTTP: received, previewed, looked after; the journey is that of all files."""
