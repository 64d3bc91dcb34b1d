"""Who may connect, and as whom. Pure decisions over rules that an admin may change at any time."""
