"""Guidance: policies, rules, what agents were shown and what they did with it."""
