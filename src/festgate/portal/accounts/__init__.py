"""People: their names, passwords, roles and sessions, and the limits on signing in."""
