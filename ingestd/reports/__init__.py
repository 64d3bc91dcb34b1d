"""Reports: questions to the ledger. They only read, and answer the same way for ever."""
