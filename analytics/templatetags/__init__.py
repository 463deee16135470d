"""What the pages of reports need in templates."""
