"""Evidence at the host: the key that signs, what was signed last, and the witness."""
