"""Judging: a column's texts become clean values or problems."""
