"""Genesys Cloud: AudioHook version 2 (audio), its request signatures, and what notifications say about a call."""
