"""The deeds of the office: each as a form, what will happen, and then once."""
