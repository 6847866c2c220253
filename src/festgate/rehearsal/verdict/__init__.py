"""The comparison of two builds by pairs of runs: measurements of a run, refusals and flags, and the verdict."""
