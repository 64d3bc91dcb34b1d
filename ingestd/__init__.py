"""ingestd: billing files over SFTP, whole or not at all, each row exactly once into a ledger."""

__version__ = "0.1.0"
