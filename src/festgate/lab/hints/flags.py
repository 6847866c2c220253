"""The hints for what weakens a comparison, in the order of the rehearsal's flags."""

from typing import Final

from festgate.lab.hints.hint import Hint

FLAGGED: Final = (
    Hint(
        "not-interleaved",
        "First all of one, then all of the other",
        (
            "All runs of one side were played before those of the other. Meanwhile the machine did not stand still: it"
            " became warmer, an update began, a browser was opened. "
            "All of that fell on one side alone, and counts as if your change had done it."
        ),
        "In which order would you play twelve runs, so that a machine that becomes slower and slower is no advantage"
        " for either side?",
        "order",
    ),
    Hint(
        "warm-up-not-cut",
        "The beginning is in the figures",
        (
            "A program that has just been started opens files, fills caches and takes its first connections. The first"
            " requests pay for that, and here they are among those that were measured."
        ),
        "Which of these requests would a visitor meet an hour after the start? Where would you begin to count?",
        "beginning",
    ),
    Hint(
        "connection-outliers",
        "The slowest requests are those that opened a connection",
        (
            "Before a client can ask, it has to find the address behind the name, and to open a connection. Later"
            " requests go through the one that is open. "
            "Here nearly all that is slow did just that. Your route has no part in it: the time passed before the"
            " request was sent."
        ),
        "Which requests of the run are these, and what does a client do for them that it does not do again later? To"
        " which figures do they matter: to the median, to the mean, to the p95?",
        "connections",
    ),
    Hint(
        "coordinated-omission",
        "Nobody asked while the server stood still",
        (
            "Each of these people waits for an answer before asking again. While the server stood still, so did all of"
            " them: of a stall of two seconds there is one slow request for each person, and none of all those that"
            " would have come meanwhile. "
            "So the stall is hardly seen in the percentiles, and visitors who do not know of each other would have met"
            " it."
        ),
        "How many requests would have been sent in the shaded time, had the server answered as usual, and how long"
        " would each of them have waited?",
        "stall",
    ),
    Hint(
        "phase-lock",
        "All people ask at the same moment",
        (
            "The requests come in volleys, with nothing between them. Each one then waits behind the others of its"
            " volley, and you measure a queue that your visitors would not make."
        ),
        "What makes these people keep in step, though they were not told to: when do they begin, and how long do they"
        " pause?",
        "volleys",
    ),
    Hint(
        "rate-is-given",
        "The rate could not move",
        (
            "Requests a second sounds like a measure of the server. But these people ask, wait for the answer, pause,"
            " and ask again. Where the pause is most of that time, it alone decides how often they ask. "
            "By Little's law a rate is the number of people divided by how long one round takes: the wait for the"
            " answer and the pause together."
        ),
        "If every answer came in no time at all, how many requests could these people send in a second? How far from"
        " that were you, before and after?",
        "ceiling",
    ),
    Hint(
        "mix-shifted",
        "Other pages were asked for than before",
        (
            "The share of each page among all requests is not what it was. A figure over all requests then moves"
            " because more of them were for a quick page, although no page is quicker."
        ),
        "What decides which page is asked for next, and why did it decide otherwise after your change?",
        "asked",
    ),
    Hint(
        "one-row-of-many",
        "One row was picked out of many",
        (
            "The figure is of a row that few of the requests belong to. Among many rows there is always one that suits,"
            " and it tells nothing of the others."
        ),
        "How many requests stand behind this figure, and what does the row of all of them say?",
        "names",
    ),
    Hint(
        "drift",
        "It becomes slower or faster while it runs",
        (
            "Late in the run the page takes another time than early in it. Whatever you measure then depends on how"
            " long you measure."
        ),
        "What grows with each request that is made: a table, a list in memory, a log? What would the figure be after an"
        " hour?",
        "early-late",
    ),
    Hint(
        "littles-law-off",
        "People, rate and waiting do not fit together",
        (
            "The number of requests under way is the rate times the wait (Little's law). With people who wait for their"
            " answers it can never be more than the people, and here it is. "
            "So a request was asked that nobody counted as a person's, or one was counted that was never asked."
        ),
        "What does one task of the locustfile ask, and is each of its requests counted under its own name, and once?",
        "under-way",
    ),
    Hint(
        "arrivals-dropped",
        "Some people never got to ask",
        (
            "More people came than could be sent at once, and those who were to wait the longest gave up before they"
            " asked. They are in none of the figures, which so look better than the truth."
        ),
        "Who is missing among the requests that were measured, and would they have moved the median, the p95, or both?",
        "dropped",
    ),
    Hint(
        "sent-late",
        "The requests were sent late",
        (
            "A part of the wait passed before the request was sent at all: the load generator got no processor time"
            " then. That part is the machine's, and is the same whatever you change in the app."
        ),
        "If a third of the wait is not your app's, and you make the app twice as quick, by how much does the figure"
        " fall?",
        "lateness",
    ),
)
