"""The report of a lab: one page of everything that lies in the folder; what is missing is shown as missing."""
