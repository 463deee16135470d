"""Audio in, words out: formats and codecs, and the providers that transcribe."""
