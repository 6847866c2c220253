"""Events: what happens where and when, what it costs, and how many seats there are."""
