"""Clips: stretches of conversations that people cut out, share with others and talk about."""
