"""Who may sign in and what they did: users, tokens, the audit."""
