"""Quality: scorecards, evaluations and their evidence."""
