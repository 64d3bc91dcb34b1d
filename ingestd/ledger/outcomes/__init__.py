"""Outcomes: what a file and its rows got, kept so that a receipt can be made again."""
