"""Money: payments, their settlement and return, sales, refunds and quotes, one entry each."""
