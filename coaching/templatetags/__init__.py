"""Tags of guidance for pages of other rooms."""
