"""Who is who and what is what, as it was known: catalogs, families, how people are reached."""
