"""Figures: each bench runs the real thing on this machine and prints what it measured (docs/benches.md)."""
