"""The lab: the rehearsal's tools as a course.

Owns the audit of lab reports: what they conclude, checked against the tables that they show. Built on the rehearsal's
readers of Locust's outputs; it imports nothing of the portal.
"""
