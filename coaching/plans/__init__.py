"""Coaching plans, sessions and targets: agreed with agents, prepared from evidence, followed by figures."""
