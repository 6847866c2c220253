"""Seats: who holds one, until when, who has it for good, and who gave it back."""
