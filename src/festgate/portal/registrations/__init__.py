"""Seats: their holders, how long they are held, and when they are confirmed or cancelled."""
