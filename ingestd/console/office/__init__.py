"""The month of a business office: families, money, reports, catalogs."""
