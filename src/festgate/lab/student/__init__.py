"""The student's folder: its app, its runs, its answers, and the progress in the parts of the lab."""
