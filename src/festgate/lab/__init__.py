"""The lab: the rehearsal's tools as a course.

Owns the starter, what a student has done with it, hints and the student's report, the verification of what is handed
in, and the audit of what reports conclude. Built on the rehearsal; it imports nothing of the portal.
"""
