"""Festgate: event registration and checkout that stays up when registration opens."""

__version__ = "0.1.0"
