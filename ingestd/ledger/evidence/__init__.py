"""Evidence: what holds against whoever has the database."""
