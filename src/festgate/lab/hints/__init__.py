"""Hints: problems that weaken or forbid a comparison or a conclusion, shown with the student's own runs.

`catalogue` has the texts of all hints, `selection` finds those that apply to a lab, `pictures` names the charts that
`request_pictures` and `run_pictures` draw, and `page` writes a hint as a page or as a section of a report.
"""
