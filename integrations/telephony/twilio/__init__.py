"""Twilio Media Streams: codec, signature, way in, status callbacks, and a sender that behaves like Twilio."""
