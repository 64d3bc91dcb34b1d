"""The daemon: what starts it, watches and reloads its config, and stops it."""
