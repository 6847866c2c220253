"""Tickets: what a confirmed seat gives its person, the code on it, the mail that brings it, and the door it opens."""
