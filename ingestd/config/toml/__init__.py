"""A TOML file's values, where each stands, and every mistake in it told at once."""
