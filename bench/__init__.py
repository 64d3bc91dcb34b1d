"""Benchmarks: how fast, against what, in the same run. They print tables and assert nothing."""
