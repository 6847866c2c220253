"""Orders and payments: what someone owes for the seats they hold, and what has become of the money."""
