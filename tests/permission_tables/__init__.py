"""The permission table, a part for each room: see tests/permissions.py."""
