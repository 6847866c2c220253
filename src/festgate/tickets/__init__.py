"""Tickets: what a confirmed seat gives its person, the code on it, and the mail that brings it."""
