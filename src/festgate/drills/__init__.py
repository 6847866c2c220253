"""Drills: one part of a fest under load is broken on purpose, and what held is told.

Owns the files of drills, the proxy between the portal and what it depends on, the runner and the report. Built on the
rehearsal; it reaches the portal over HTTP, by commands and by signals, and imports nothing of it.
"""
