"""Paying: whose credit pays which charges, in which order, and how that is undone."""
