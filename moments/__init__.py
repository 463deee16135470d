"""What to listen for, and where it was heard: what quality and coaching both build on."""
