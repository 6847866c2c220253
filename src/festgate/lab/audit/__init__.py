"""The audit of a lab report: its tables, the claims in its prose, and each claim compared with the tables.

`documents` turns a file into numbered lines, `claims` finds the claims in the prose, `routes` pairs the tables before
and after, and `sources` finds the cell of each number. `table_checks` and `claim_checks` find the errors.
"""
