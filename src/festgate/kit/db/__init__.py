"""The database: reads, group commit, schema and integrity, with one interface to SQLite and PostgreSQL."""
