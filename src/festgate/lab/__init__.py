"""The lab: a course on the rehearsal's tools.

Owns the starter, the student's folder and progress, hints, the student's report, the verification of submissions, and
the audit of reports. It builds on the rehearsal and imports nothing of the portal.
"""
