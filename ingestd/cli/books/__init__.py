"""Commands about the books: reports, verifying, exporting, following, and what proves them."""
