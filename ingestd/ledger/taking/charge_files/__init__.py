"""Charge files: which rows become charges, and how those of a large file are written."""
