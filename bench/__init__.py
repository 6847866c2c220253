"""The portal and the rehearsal beside their limits: what `make bench` measures, as ratios and rates of one run."""
