"""Containment: concurrency budgets, time limits, circuit breakers, and faults for drills."""
