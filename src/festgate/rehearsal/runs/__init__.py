"""Runs: the plan that each follows, its samples, and the folder in which it is kept."""
