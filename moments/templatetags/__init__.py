"""Filters of the pages of classifiers."""
