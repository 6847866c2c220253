"""Grades of many submissions: their files, verification and reports, points, feedback, gradebooks."""
