"""Containment: concurrency budgets, time limits, circuit breakers, and the faults that try them."""
