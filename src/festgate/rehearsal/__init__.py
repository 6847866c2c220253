"""The rehearsal: a load test of the opening day on Locust, and honest comparisons of two builds.

Owns the journeys, the kept runs and their samples, the statistics and the reports. It reaches its target only over
HTTP, and imports nothing of the portal.
"""
