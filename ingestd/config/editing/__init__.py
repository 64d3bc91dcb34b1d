"""Config files written by us: whole or not at all, with comments and layout kept."""
