"""The infrastructure of the tests: real processes, PostgreSQL, a browser and an SMTP server, all on loopback."""
