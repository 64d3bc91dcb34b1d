"""Evidence: what lets somebody outside hold the books to what they once said.

Each account's batches are the leaves of a Merkle tree whose root is signed. The modules here say
what the bytes are, and prove and check; they touch no disk, clock, log or database.
"""
