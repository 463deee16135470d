"""Running the installation on one machine: embedded PostgreSQL and Redis, and the supervisor of our processes."""
