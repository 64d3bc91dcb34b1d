"""An installation: made, opened with the one ledger that is its own, checked, and shown."""
