"""The rooms introduced to each other: what starts, watches, reloads and stops the daemon."""
