"""The reading of event files: calendars, tables and workbooks become rows, notices and errors.

Nothing here reads or changes the database, so the command line and pages can show the result before they import it.
"""
