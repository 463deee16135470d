"""The detectors: each takes tokens and their context and returns spans; none knows of another."""
