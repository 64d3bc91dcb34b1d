"""Who may send: the allowlist and the accounts, edited without fear."""
