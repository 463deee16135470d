"""Companies (tenants), each in a PostgreSQL schema of its own: who they are, their hosts, their keys."""
