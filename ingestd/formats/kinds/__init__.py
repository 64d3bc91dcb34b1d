"""Kinds: the formats, with their columns, their rows and what is checked of them."""
