"""The student's folder: its app, its runs, its answers, and which parts of the lab are done."""
