"""Proof: what the bytes of evidence are, and how they are proven and checked. Pure."""
