"""The report of a lab: one page with everything in its folder, and what is missing."""
