"""Signing on: somebody else says who it is who signs in, by OpenID Connect."""
