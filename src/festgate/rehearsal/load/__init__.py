"""Inside Locust: what it lacks for a rehearsal. Its processes import Locust, which patches them whole; no other may."""
