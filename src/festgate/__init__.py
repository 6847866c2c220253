"""Festgate: event registration and checkout that is still standing when the doors open."""

__version__ = "0.1.0"
