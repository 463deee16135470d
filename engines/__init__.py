"""Pure Python engines: no Django, no database. Each is usable and testable by itself."""
