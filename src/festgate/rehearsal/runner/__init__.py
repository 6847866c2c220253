"""Running a plan: the target and its servers, the load generator, and what both use of the machine meanwhile."""
