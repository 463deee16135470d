"""API of providers."""
