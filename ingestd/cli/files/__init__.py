"""Commands about files: judged without being stored, imported by hand, and what became of them."""
