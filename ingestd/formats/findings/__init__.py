"""Findings: what is wrong with a file or a row, its code and how it is explained."""
