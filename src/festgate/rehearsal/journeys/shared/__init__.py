"""Modules that several journeys share: their simulated visitor, and readers of the pages of the portal."""
