"""Runs and their folders: the plan, the recorded requests, and the export to other programs."""
