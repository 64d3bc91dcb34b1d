"""Rows: all that is wrong in a row, and what is kept of a good one."""
