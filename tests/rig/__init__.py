"""What tests stand on: real processes, a real PostgreSQL, a real browser, a real SMTP server, all on loopback."""
