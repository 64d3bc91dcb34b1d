"""Outgoing: what is taken back, given up, moved between credits, and paid out."""
