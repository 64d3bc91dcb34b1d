"""The business office's commands: payments, charges, sales, invoices."""
