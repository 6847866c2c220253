"""The parent of the portal's processes: it holds the sockets, starts the workers, and replaces those that fail.

It is lean: no web framework, no database. What it does not do cannot hang it.
"""
