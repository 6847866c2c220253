"""Load generation on Locust. Importing Locust patches a whole process, so only processes of this package do it."""
