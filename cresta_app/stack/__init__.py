"""Running the installation on one machine: embedded PostgreSQL and Redis, the supervisor of our processes."""
