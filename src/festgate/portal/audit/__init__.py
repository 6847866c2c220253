"""The audit log: actions with their person, subject, time and origin."""
