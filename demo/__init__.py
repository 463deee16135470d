"""The demo's calls: their scripts, the sound made from them, and the tool that makes it."""
