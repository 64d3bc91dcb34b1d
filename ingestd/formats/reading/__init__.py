"""Reading: bytes become records."""
