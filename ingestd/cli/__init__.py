"""The command line: one file per command group; each parses, calls one room, and prints."""

from ingestd.cli.app import main

__all__ = ["main"]
