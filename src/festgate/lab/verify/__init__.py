"""Verify that a submission responds as the starter does, does less work, and takes less time."""
