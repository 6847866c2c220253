"""Grades of many submissions: what was handed in, its verification and reports, points, feedback, gradebooks."""
