"""People: their names, passwords, roles and sessions, and how often somebody may try to sign in."""
