"""The running of a plan: the target and its servers, the load generator, and the resources that both use."""
