"""People who use the console: who they are, what they may, and that it is they who ask."""
