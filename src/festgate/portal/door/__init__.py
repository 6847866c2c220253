"""Check-in at the door of an event: scans, the list of guests, and check-ins that are undone."""
