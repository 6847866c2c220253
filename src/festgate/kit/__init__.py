"""The shared base of all modules: database, pages, email, outbox, containment. It knows no module."""
