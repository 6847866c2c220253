"""Orders and payments: the amount that each visitor owes for held seats, and the state of its payment."""
