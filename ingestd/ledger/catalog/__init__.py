"""The catalog: what charges and payments refer to, as tables."""
