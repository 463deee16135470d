"""What the pages of conversations need in templates."""
