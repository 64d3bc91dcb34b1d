"""Money: sales, payments, their settlement and return, cash and quotes."""
