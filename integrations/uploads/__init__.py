"""Calls that come as files: taken in and sealed, heard by a job as a live call is, shown with their progress."""
