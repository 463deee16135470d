"""What the API shares: authentication, permissions, errors, paging."""
