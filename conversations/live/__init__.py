"""The way of a live call: ingest, buffer, ownership, stages, group commit, publication."""
