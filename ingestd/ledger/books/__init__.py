"""The books: the chart, the head of each account, its batches, postings, parties and months."""
