"""Facts for other modules and emails for people, stored in the transaction that causes them and delivered later."""
