"""The benchmarks of `make bench`: the portal and the rehearsal beside their limits, as ratios and rates of one run."""
