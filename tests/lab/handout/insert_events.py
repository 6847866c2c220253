# Run this once, before the first start: python insert_events.py
from database import get_db

db = get_db()
db.execute("CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, name TEXT, fee INTEGER)")

events = [
    ("Hackathon", 500),
    ("Dance Battle", 300),
    ("AI Workshop", 400),
    ("Photography Walk", 200),
    ("Gaming Tournament", 350),
    ("Music Night", 250),
    ("Treasure Hunt", 150),
    ("Stand-up Comedy", 300),
    ("Robo Race", 450),
]

db.executemany("INSERT INTO events (name, fee) VALUES (?, ?)", events)
db.commit()
print("The events are in the database.")
