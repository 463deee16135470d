"""Our own audio protocol: its codec, and a client that resumes exactly."""
