"""Calls and chats: what was said, how it was recorded and summarised, and the way they take live."""
