"""What was handed in, verified: whether it answers as before, does less work, and is quicker."""
