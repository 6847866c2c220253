"""Two builds compared by pairs of runs: what is seen of a run, what forbids or weakens a comparison, the verdict."""
