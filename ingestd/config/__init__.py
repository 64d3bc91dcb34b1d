"""The three TOML files as models, and every mistake in them told at once, with its remedy."""
