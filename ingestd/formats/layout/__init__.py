"""Layout: records become rows that have one field for each column."""
