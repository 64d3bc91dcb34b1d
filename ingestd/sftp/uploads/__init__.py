"""Uploads from their first byte until they are published, refused or kept as interrupted."""
