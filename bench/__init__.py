"""The portal beside its limit: what `make bench` measures, as ratios and rates of one run."""
