"""The whole book, written for another bookkeeping program."""
