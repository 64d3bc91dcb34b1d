"""Answering: what an account, or an operator who tries a file, is told of it."""
