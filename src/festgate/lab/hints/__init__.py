"""Hints: what weakens or forbids a comparison, or a conclusion, shown with the student's own runs.

`kind.py` says what a hint is; `refusals.py`, `flags.py` and `conclusions.py` have their words, `pictures.py`
what they show, drawn in `requests_drawn.py` and `runs_drawn.py`; `page.py` writes them.
"""
