"""Money: what came in and went out by day and place, what is held for others, and tax."""
