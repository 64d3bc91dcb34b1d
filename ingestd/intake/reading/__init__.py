"""Reading: a file's bytes become judged rows, here or in processes of their own."""
