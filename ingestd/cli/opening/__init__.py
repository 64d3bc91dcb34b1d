"""What a command works on, opened for it: an installation, or an account's books."""
