"""Drills: inject a fault into one part of a fest under load, and report its blast radius.

Owns the drill files, the proxy between the portal and the servers that it depends on, the execution and the report. It
is built on the rehearsal. It reaches the portal only over HTTP, by commands and by signals, and imports nothing of it.
"""
