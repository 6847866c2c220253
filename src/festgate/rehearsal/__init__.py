"""The rehearsal: opening day played on Locust before it happens, and two builds compared honestly.

Owns the journeys, the runs that were played and their samples, the statistics and the reports. It reaches its target
over HTTP only, and imports nothing of the portal.
"""
