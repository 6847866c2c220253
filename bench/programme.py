"""Two hundred realistic events, the same in every run."""

import random
from collections.abc import Iterator

from festgate.kit.clock import DAY, HOUR, Milliseconds
from festgate.kit.money import Money
from festgate.portal.catalogue.facade import Details

EVENTS = 200
ROOM_FOR_ALL = 100_000
"""Seats of an event under load: more than a run can take."""
FREE_EVERY = 10
"""Every tenth event is free."""
LATER_EVERY = 25
"""Every twenty-fifth event has not opened its sales yet."""

SUBJECTS = (
    "Robot",
    "Bridge Building",
    "Street Food",
    "Short Film",
    "Chess",
    "Poetry",
    "Rooftop Garden",
    "Night Sky",
    "Paper Aeroplane",
    "Folk Dance",
    "Photography",
    "Compiler",
    "Ceramics",
    "Radio Play",
    "Cricket",
    "Rubik's Cube",
    "Printmaking",
    "Debate",
    "Beatbox",
    "Bicycle Repair",
    "Crossword",
    "Data Journalism",
    "Puppet",
    "Kite",
    "Sign Language",
    "Pickling",
    "Synthesiser",
    "Map Making",
    "Origami",
    "Soldering",
    "Stand-up",
    "Sourdough",
    "Juggling",
    "Birdsong",
    "Board Game",
    "Calligraphy",
    "Solar Car",
    "Improvisation",
    "Badminton",
    "Typography",
)
FORMS = (
    ("Workshop", "Workshops", "Bring nothing but time: tools and material lie on the tables."),
    ("Contest", "Contests", "Three rounds, one jury, and a prize that has to be shared."),
    ("Evening", "Stage", "Doors open half an hour before; the last song ends at eleven."),
    ("Open Lab", "Technology", "Come and go as you like; somebody who knows is always there."),
    ("Walk", "Outdoors", "Good shoes are enough. We meet at the gate and are back for tea."),
)
PLACES = (
    "Main Auditorium",
    "Open-Air Theatre",
    "Lab 3, Block B",
    "Library steps",
    "Innovation Hub, Block C",
    "Seminar Hall, Block A",
    "Lake gate",
    "Mechanical Workshop",
)
SENTENCES = (
    "Places are given in the order in which people come, and the first row is for those who asked first.",
    "Nobody has to know anything beforehand: the first half hour is for everyone, the rest for those who stay.",
    "Last year it rained, and it was the best one so far.",
    "There is tea at the back, power along the walls, and a quiet corner with two sofas.",
    "What is made on the day can be taken home, apart from what belongs to the workshop.",
    "Teams are made up at the door, so come alone if you like.",
    "Questions are welcome at any time, and answers mostly come with a story.",
    "It is held in English and Hindi; whoever speaks another language finds someone who does too.",
)


def programme(now: Milliseconds) -> Iterator[Details]:
    """Yield the details of each event: all start within twelve days, and most are on sale now."""
    rng = random.Random(200)
    for number in range(EVENTS):
        form, category, summary = FORMS[number % len(FORMS)]
        subject = SUBJECTS[number // len(FORMS)]
        starts_at = now + DAY + rng.randrange(11 * 24 * 4) * HOUR // 4
        paragraphs = (" ".join(rng.sample(SENTENCES, 3)) for _ in range(3))
        later = number % LATER_EVERY == LATER_EVERY - 1
        yield Details(
            title=f"{subject} {form}",
            summary=summary,
            description="\n\n".join([summary, *paragraphs]),
            category=category,
            place=rng.choice(PLACES),
            starts_at=starts_at,
            ends_at=starts_at + rng.choice((1, 2, 3)) * HOUR,
            sales_open_at=now + DAY // 2 if later else 0,
            sales_close_at=starts_at,
            fee=Money(0 if number % FREE_EVERY == 0 else rng.randrange(2, 13) * 5_000, "INR"),
            capacity=rng.randrange(20, 400) if later else ROOM_FOR_ALL,
        )
