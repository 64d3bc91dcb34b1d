"""File formats as data, the reader (bytes to records), the checks (records to rows). Pure."""
