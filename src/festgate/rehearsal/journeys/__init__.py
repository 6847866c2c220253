"""Journeys: the visitors' behaviour as locustfiles. Apart from `load`, only these modules import Locust."""
