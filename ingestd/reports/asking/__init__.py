"""Asking: which reports there are, and what somebody typed, as a question to the books."""
