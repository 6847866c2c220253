"""The audit of a lab report: its tables rebuilt, its claims found in the prose, and each claim checked against them.

`documents` makes numbered lines of a file, `claims` finds what the prose says, `routes` sets the tables before and
after side by side, `sources` finds the cell that a number was taken from, and `checks` and `claim_checks` say what is
wrong.
"""
