"""Commands of moments."""
