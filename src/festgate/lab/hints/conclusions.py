"""The hints for what a report concludes and its tables do not say, where the comparison has none for it."""

from typing import Final

from festgate.lab.hints.hint import Hint

CONCLUDED: Final = (
    Hint(
        "rate-cannot-move",
        "A rate was concluded from that could not move",
        (
            "Your report concludes something from requests a second. But a person of the locustfile asks, waits for the"
            " answer, pauses for one to two seconds, and asks again: the pause decides the rate."
        ),
        "If every answer came in 0 ms, how many requests could these people send in a minute? What is left for the"
        " server to change?",
        "ceiling",
    ),
    Hint(
        "percentile-is-maximum",
        "A percentile of so few requests is the slowest of them",
        (
            "Of twenty requests, nineteen lie below the 95th percentile and one does not. The p95 that Locust prints is"
            " then that one request, and so is the p99."
        ),
        "If the slowest request had been twice as slow, which of the figures would be another, and which would not?",
        "beyond",
    ),
    Hint(
        "not-repeated",
        "One run of each is not enough to tell",
        (
            "Your report sets one run before beside one run after. Two runs of the very same program differ, too, and"
            " from one of each nobody knows by how much."
        ),
        "If you played the same program six times, how far apart would the six figures be? How large must a difference"
        " be, so that you would bet on it?",
        "repeats",
    ),
    Hint(
        "columns-mixed",
        "A mean was set beside a median or a percentile",
        (
            "The mean, the median and the p95 of the very same requests are three numbers. Set beside each other, they"
            " show a difference where nothing has changed."
        ),
        "In which column does each of your two numbers stand, and which one do you want to speak of?",
        "columns",
    ),
    Hint(
        "share-off",
        "The percentage does not follow from the figures",
        (
            "From 200 ms to 100 ms, half of the time is saved, and twice as much can be done in the same time: 50 %"
            " less waiting, 100 % more speed. The percentage in your report is neither."
        ),
        "What did you divide by what? And what is it that became larger or smaller by that share?",
        "shares",
    ),
)
