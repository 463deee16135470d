"""Two sample companies with people, policies and calls, and the proof that the main job works."""
