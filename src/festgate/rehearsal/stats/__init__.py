"""Statistics of runs: percentiles, metrics, thresholds, processor time and the Universal Scalability Law."""
