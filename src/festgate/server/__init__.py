"""The supervisor of the portal's processes: it holds the sockets, starts the workers, and replaces those that fail.

It is lean, with no web framework and no database: code that it does not import cannot make it hang.
"""
