"""Locustfiles in the shapes that people write, for `festgate rehearse` and for plain `locust`."""
