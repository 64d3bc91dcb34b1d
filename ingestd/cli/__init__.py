"""The command line: one file per command group; each parses, calls one room, and prints."""

import os

if "_INGESTD_COMPLETE" in os.environ:
    # A shell that completes a word wants names: what renders pages of help is not loaded.
    os.environ.setdefault("TYPER_USE_RICH", "0")

from ingestd.cli.app import main

__all__ = ["main"]
