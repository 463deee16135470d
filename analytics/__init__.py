"""Figures over many conversations, each traceable to those behind it."""
