"""The business office: what it does to the books by command, each safe to repeat."""
