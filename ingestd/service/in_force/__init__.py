"""The access files in force: what of a save is good enough, for whom, and what was good last."""
