"""What an account's clients see of its files, and where each path of theirs leads."""
