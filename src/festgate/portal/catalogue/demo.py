"""The demo's programme: nine events of the course, an opening ceremony, a full workshop and a pass, around today."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from festgate.kit.clock import MINUTE, Milliseconds, milliseconds, moment
from festgate.kit.db.statements import Connection
from festgate.kit.money import Money, digits_of
from festgate.portal.catalogue.details import Details
from festgate.portal.catalogue.events import create_event, publish_event
from festgate.portal.catalogue.queries import count_events

LATEST_START = 16
"""From this hour the fest begins tomorrow, so that its first evening is always still ahead."""
OPENS_SOON = 20 * MINUTE
OPENS_ON = 5 * MINUTE
"""The interval to which a later opening of sales is rounded up."""


@dataclass(frozen=True)
class Planned:
    """An event of the demo. Days are counted from the fest's first day; `fee` is in major units."""

    title: str
    category: str
    fee: int
    capacity: int
    place: str
    starts: tuple[int, time]
    ends: tuple[int, time]
    opens_later: bool = False


PROGRAMME = (
    Planned("Hackathon", "Technology", 500, 120, "Innovation Hub, Block C", (1, time(9)), (2, time(9))),
    Planned("Dance Battle", "Stage", 300, 200, "Open-Air Theatre", (0, time(20)), (0, time(22, 30))),
    Planned("AI Workshop", "Technology", 400, 40, "Lab 3, Block B", (1, time(14)), (1, time(17))),
    Planned("Photography Walk", "Arts", 200, 8, "Lake gate", (2, time(6, 30)), (2, time(9))),
    Planned("Gaming Tournament", "Games", 350, 64, "Seminar Hall, Block A", (1, time(11)), (1, time(19))),
    Planned("Music Night", "Stage", 250, 800, "Open-Air Theatre", (1, time(19, 30)), (1, time(23))),
    Planned("Treasure Hunt", "Games", 150, 90, "Library steps", (2, time(10)), (2, time(13))),
    Planned(
        "Stand-up Comedy",
        "Stage",
        300,
        350,
        "Main Auditorium",
        (2, time(18)),
        (2, time(20)),
        opens_later=True,
    ),
    Planned("Robo Race", "Technology", 450, 48, "Mechanical Workshop, Block C", (2, time(14)), (2, time(17))),
    Planned("Opening Ceremony", "Stage", 0, 1500, "Main Lawn", (0, time(18)), (0, time(19, 15))),
    Planned("Pottery Corner", "Arts", 0, 6, "Craft shed", (1, time(10)), (1, time(12))),
    Planned("Stage Pass", "Stage", 700, 60, "Open-Air Theatre", (0, time(20)), (2, time(20))),
)
"""In the order of the course that the first nine events come from, so that they have its numbers."""
_TEXTS = {
    "Hackathon": (
        "Twenty-four hours, one idea, and a demo that has to run.\n\n"
        "Teams of up to four draw a problem from a real campus office at nine and show a working answer at nine the "
        "next morning. There is power, a fast network, tea all night and a quiet room with mats.\n\n"
        "Judging is in the open: two minutes on stage, one question from the jury, one from the floor.\n\n"
        "Bring:\n- a laptop and its charger\n- a student card\n- something warm for three in the morning"
    ),
    "Dance Battle": (
        "Sixteen crews, one floor, and the loudest cheer decides.\n\n"
        "Crews meet one against one, ninety seconds each, to music they hear for the first time when it starts. "
        "Every style is welcome, from Bharatanatyam to breaking.\n\n"
        "A seat is for dancers and watchers alike; crews sign in at the stage an hour before."
    ),
    "AI Workshop": (
        "Train a small model on your own photographs, and find out where it is wrong.\n\n"
        "Three hours at the keyboard, from an empty file to a classifier that runs on a phone. Half of the time goes "
        "into the part that talks leave out: measuring honestly, and reading the mistakes.\n\n"
        "Some Python is enough. Machines are there.\n\n"
        "Bring:\n- twenty photographs of each of two things"
    ),
    "Photography Walk": (
        "Eight people, one lake, and the first two hours of light.\n\n"
        "A slow round of the lake with Meera Pillai, who has photographed it every morning for eleven years. The "
        "group is small so that everyone gets a look through everyone's viewfinder.\n\n"
        "A phone will do. Breakfast is at the boat house."
    ),
    "Gaming Tournament": (
        "Sixty-four players, six rounds, one controller that is passed on.\n\n"
        "A knock-out over three games that are drawn in the morning: one racing, one fighting, one that nobody has "
        "played before. Players who lose early can play on in the open room next door.\n\n"
        "Controllers and machines are there; your own pad may be plugged in."
    ),
    "Music Night": (
        "Three bands of the campus, then one that you know from the radio.\n\n"
        "Doors are at seven. The lawn is for blankets, the steps are for dancing, and the last song ends at eleven, "
        "because the hostel next door has promised to be patient until then.\n\n"
        "- Half past seven: the winners of the college round\n- Nine: Night Bus Nine\n- Ten: the guests"
    ),
    "Treasure Hunt": (
        "Nine clues, the whole campus, and no map.\n\n"
        "Teams of three start two minutes apart. Each clue leads to a place that you have walked past a hundred "
        "times. Running is allowed, cars are not, and the librarian knows more than she says.\n\n"
        "Come alone if you like: teams are made up at the start."
    ),
    "Stand-up Comedy": (
        "Five comics who once sat in the same back row.\n\n"
        "An evening of new material about old examinations, shared bathrooms and the canteen. Ten minutes each, and "
        "forty for the last one.\n\n"
        "Some of it is not for small children."
    ),
    "Robo Race": (
        "Line followers first, then a course that does not hold still.\n\n"
        "Robots up to 30 centimetres on each side run against the clock: once along a line, once over a course of "
        "ramps, gaps and a door that opens when it likes. Remote control costs ten seconds a touch.\n\n"
        "Inspection is from one o'clock. Spare batteries are on the judges' table, spare patience is not."
    ),
    "Opening Ceremony": (
        "Drums, a very short speech, and the gate opens.\n\n"
        "Two hundred drummers walk in from four sides and meet at the gate. The principal has promised to stay below "
        "three minutes; there is a clock.\n\n"
        "It costs nothing, but take a seat so that we know how many lamps to light."
    ),
    "Pottery Corner": (
        "Six wheels, six aprons, and one bowl each that may even stand.\n\n"
        "Two hours with clay for people without any practice. What survives the kiln can be fetched in a week.\n\n"
        "All six wheels went on the first morning. Join the waiting list: somebody always has a rehearsal instead."
    ),
    "Stage Pass": (
        "Three evenings, three stages, one ticket.\n\n"
        "The Dance Battle, the Music Night and the Stand-up Comedy for less than their single tickets. The pass has a "
        "seat at each of them, and its code is checked in at every door.\n\n"
        "Each evening's own page states where it is."
    ),
}
"""The summary of each event and below it the description, by its title."""


def plant_demo(connection: Connection, zone: ZoneInfo, currency: str) -> bool:
    """Create and publish the programme, unless there is an event already; return whether it did."""
    if count_events(connection):
        return False
    now = connection.now
    first = moment(now, zone)
    if first.hour >= LATEST_START:
        first += timedelta(days=1)

    def at(when: tuple[int, time]) -> Milliseconds:
        days, hour = when
        return milliseconds(datetime.combine(first.date() + timedelta(days=days), hour, zone))

    opens = round_up(now + OPENS_SOON)
    for planned in PROGRAMME:
        starts = at(planned.starts)
        summary, _, description = _TEXTS[planned.title].partition("\n\n")
        details = Details(
            title=planned.title,
            summary=summary,
            description=description,
            category=planned.category,
            place=planned.place,
            starts_at=starts,
            ends_at=at(planned.ends),
            sales_open_at=opens if planned.opens_later else 0,
            sales_close_at=starts,
            fee=price(planned.fee, currency),
            capacity=planned.capacity,
        )
        publish_event(connection, create_event(connection, details).slug)
    return True


def price(fee: int, currency: str) -> Money:
    """Return an amount in major units."""
    return Money(fee * 10 ** digits_of(currency), currency)


def round_up(at: Milliseconds) -> Milliseconds:
    """Return the next time at which something of the demo opens or closes."""
    return -(-at // OPENS_ON) * OPENS_ON
