"""Journeys: what people do at the portal, as locustfiles. Only these files and the player's process import Locust."""
