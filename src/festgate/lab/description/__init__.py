"""The description of a starter: the app that a course hands out, and what the lab has to know about it."""
