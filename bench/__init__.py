"""The benchmark (`make bench`): the portal and the rehearsal compared with their limits, as ratios and rates."""
