"""Figures: what was sold, paid, realised and owed, each report one question to the ledger."""
