"""People of one company: users, teams, roles, telephony identities, sign-in, API keys, the audit log."""
