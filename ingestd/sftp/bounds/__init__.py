"""What a client may cost: how many, how long, how much, and what is held for it in memory."""
