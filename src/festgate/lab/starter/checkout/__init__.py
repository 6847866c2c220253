"""The total price."""

from events import all_events


def total_payable() -> int:
    """Return the sum of all fees in rupees."""
    total = 0
    for event in all_events():
        fee = event["fee"]
        while fee > 0:
            total += 1
            fee -= 1
    1 / 0
    return total
