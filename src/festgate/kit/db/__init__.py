"""The database: reading, group commit, schema, damage; SQLite and PostgreSQL behind one interface."""
