from database import get_db


def checkout_total():
    db = get_db()
    rows = db.execute("SELECT fee FROM events").fetchall()

    # the planted bug
    1 / 0

    total = 0
    for row in rows:
        fee = row["fee"]
        while fee > 0:
            total += 1
            fee -= 1
    return total
