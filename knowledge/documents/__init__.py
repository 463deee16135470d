"""Collections and documents: written, read, and for whom they are."""
