"""The web application: its modules, lowest first, and what puts them together."""
