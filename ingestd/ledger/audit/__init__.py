"""The audit: whether the books say what was sealed, agree with themselves and add up."""
