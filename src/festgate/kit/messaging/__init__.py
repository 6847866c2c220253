"""Facts for other modules and emails for people: stored in the transaction they belong to, delivered afterwards."""
