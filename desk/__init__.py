"""What people see live: the agent's desk and the supervisor's floor."""
