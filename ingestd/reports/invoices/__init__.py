"""Invoices: what a party is asked to pay, as a page, a PDF and a mail's plain text."""
