"""Playing a plan: the target and its servers, the process that sends, what is seen of both meanwhile."""
