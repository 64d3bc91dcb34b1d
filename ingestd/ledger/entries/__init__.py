"""Entries: one change by command, a sealed batch with its author, and the ids that it makes."""
