"""The ledger: what was sold, and, with payments, what was paid. Facts are only ever added."""
