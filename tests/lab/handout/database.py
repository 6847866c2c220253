import sqlite3


def get_db():
    connection = sqlite3.connect("fest.db", check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection
