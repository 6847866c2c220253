"""The organisers' pages; they own no data, and bring together what the other modules offer."""
