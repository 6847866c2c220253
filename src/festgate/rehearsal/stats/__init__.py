"""Figures of runs: percentiles, metrics and their thresholds, processor time, the Universal Scalability Law."""
