"""Evidence: what lets somebody outside hold the books to what they once said.

Each batch is sealed and is a leaf of its account's tree, whose root is signed and goes out with
receipts and to witnesses.
"""
