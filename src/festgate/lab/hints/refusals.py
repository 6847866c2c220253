"""The hints for what makes a comparison invalid, in the order of the rehearsal's refusals."""

from typing import Final

from festgate.lab.hints.hint import Hint

REFUSED: Final = (
    Hint(
        "run-cut",
        "A run did not come to its end",
        (
            "A run was ended before its time: by Ctrl-C, by a server that died, by a full disk, or because a laptop was"
            " closed. What it had measured is kept. "
            "What comes late in a run is often what is slow in it, and of this one nobody knows it."
        ),
        "What would this run have shown in the part that is missing, and how could you find out?",
        "lengths",
    ),
    Hint(
        "too-few-runs",
        "Too few runs to tell luck from change",
        (
            "Two runs of one and the same program do not give the same figure. So a difference between two runs can be"
            " the change, or luck, and from one pair nobody can tell which. "
            "If there is no difference at all, each pair falls to either side like a coin. Five pairs fall all to the"
            " same side once in sixteen times."
        ),
        "Look at the points of one side: how far apart are they, though the program was the same? With so many coins,"
        " how often would all of them fall to one side by chance?",
        "spread",
    ),
    Hint(
        "workload-differs",
        "The two sides were not asked the same",
        (
            "Before and after were asked by different locustfiles, by another number of people, for another length of"
            " time, or from another machine or version of what asks. "
            "Whatever the figures show, it can come from what was asked."
        ),
        "What exactly was asked of each side? If the program had not been changed at all, would you still expect the"
        " same two figures?",
        "asked",
    ),
    Hint(
        "builds-mixed",
        "One side holds runs of different programs",
        (
            "Each run keeps a mark of the code that answered. The runs of one side have different marks: the code was"
            " edited between them. "
            "The middle of their figures is then a figure of no program that there ever was."
        ),
        "Which of these runs belong to the program that you want to speak of, and when did you last save a change?",
        "builds",
    ),
    Hint(
        "same-build",
        "The program did not change",
        (
            "The code behind this page is the same on both sides. Comments, layout and the mended crash do not count,"
            " and neither do other pages and the locustfile. "
            "What the figures differ by is then what two runs of one program differ by on your machine."
        ),
        "Which line that runs for each request of this page did you change? And what does the picture tell you of the"
        " size that a difference has to have before it means anything?",
        "builds",
    ),
    Hint(
        "played-at-once",
        "Both sides ran in the same seconds",
        (
            "The two programs were asked at the same time, on one machine. It has so many processors and no more, and"
            " what one of the programs takes of them the other has to wait for. "
            "A page that became slow makes the other program's page slow, too, and the difference shrinks."
        ),
        "Two people share one kitchen and cook at the same time: does the clock on the wall tell who cooks faster? What"
        " would?",
        "order",
    ),
    Hint(
        "many-names",
        "Requests for one page stand under many names",
        (
            "Locust counts requests by their name, and takes the whole address for it where nothing else is said. So a"
            " page that is asked for with another user's name each time becomes a row for each of them. "
            "A row of one or two requests tells nothing of the page."
        ),
        "By what does Locust decide whether two requests belong in one row, and who can tell it otherwise?",
        "names",
    ),
    Hint(
        "too-few-samples",
        "Too few requests for this figure",
        (
            "A percentile is the line above which some of the requests lie. Where only a few lie there, it is those few"
            " that make it, and the next run has others. "
            "Thirty have to lie beyond it: for a median that takes 60 requests in each run, for a p95 it takes 600."
        ),
        "How often does one person ask in a minute, if each answer is followed by a pause of one to two seconds? What"
        " could be more in a run: people, seconds, or neither?",
        "beyond",
    ),
    Hint(
        "target-unseen",
        "Nobody saw what the server's processor did",
        (
            "The processor's time of a server is only seen where the rehearsal has started that server itself, on the"
            " same machine, and for some seconds."
        ),
        "Who started the server that answered, and on which machine would one have to look at its processes?",
        no_picture="There is no picture: what is missing in these runs is just what it would show.",
    ),
    Hint(
        "error-rates-differ",
        "Not equally many requests failed",
        (
            "On one side more requests failed than on the other. A request that fails stops somewhere on its way: at an"
            " error page, at a check, or at a time-out. Its time is not the time of the page. "
            "So a page that has broken can look like a page that has become quick."
        ),
        "What did the failed requests answer, and which lines of your code did they never come to?",
        "failures",
    ),
    Hint(
        "responses-differ",
        "The two sides did not answer with the same",
        (
            "The page that was sent after is another than the one that was sent before: another status, another size,"
            " or other bytes. "
            "A page that shows less, or something wrong, takes less time to make. That is no gain of speed."
        ),
        "Open the page of the starter and your own beside each other, for the same person: what is on the one that is"
        " not on the other?",
        "answers",
    ),
    Hint(
        "generator-saturated",
        "What asks was too busy itself",
        (
            "Locust runs on this machine, too. Here it used most of a core, or came too late with its requests. "
            "A time is measured by whoever waits for it. If Locust is busy, an answer lies there until Locust comes to"
            " look at it, and that wait is in your figures."
        ),
        "What else ran on the machine meanwhile? And how many people does it take to show what you want to show?",
        "busy",
    ),
)
