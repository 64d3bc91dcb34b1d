"""The three config files as models: where they are, what overrides them, what may follow."""
