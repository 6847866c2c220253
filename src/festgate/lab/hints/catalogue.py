"""The texts of all hints: those for a comparison first, then those for the conclusions of a report."""

from collections.abc import Mapping
from typing import Final

from festgate.lab.hints.hint import Hint

REFUSED: Final = (
    Hint(
        "run-cut",
        "A run ended early",
        "A run stopped before its planned end: by Ctrl-C, because the server died or the disk was full, or because a"
        " laptop was closed. The requests measured until then are kept. Slow requests often come late in a run, and"
        " this run has no measurements of that part.",
        "What could the missing part of this run have shown, and how could you find out?",
        "lengths",
    ),
    Hint(
        "too-few-runs",
        "Too few runs to distinguish a change from chance",
        "Two runs of the same program do not give the same figure. A difference between two runs can come from your"
        " change or from chance, and one pair of runs cannot show which. If there is no real difference, each pair"
        " falls to either side like a tossed coin. Five coins land on the same side once in sixteen tries.",
        "Look at the points of one side: how far apart are they, although the program was the same? With this many"
        " coins, how often would all of them land on the same side by chance?",
        "spread",
    ),
    Hint(
        "workload-differs",
        "The two sides did not get the same load",
        "Before and after were tested with different locustfiles, another number of users, another duration, or another"
        " machine or Locust version. Any difference between the figures can come from that.",
        "Which requests did each side get? If the program had not changed at all, would you still expect the same two"
        " figures?",
        "mix",
    ),
    Hint(
        "builds-mixed",
        "The runs of one side are of different programs",
        "Each run records a fingerprint of the code that answered. The runs of one side have different fingerprints:"
        " the code was edited between them. The median of their figures describes none of these programs.",
        "Which of these runs belong to the program that you want to describe, and when did you last save a change?",
        "builds",
    ),
    Hint(
        "same-build",
        "The program did not change",
        "The code behind this page is the same on both sides. Comments, layout and the fix of the crash do not count as"
        " a change, and neither do other pages or the locustfile. The difference between the figures is therefore the"
        " usual difference between two runs of one program on your machine.",
        "Which line that runs for every request of this page did you change? And what does the picture show about how"
        " large a difference has to be before it means anything?",
        "builds",
    ),
    Hint(
        "played-at-once",
        "Both sides ran at the same time",
        "The two programs were under load in the same seconds, on one machine. The machine has only so many processors:"
        " while one program uses them, the other has to wait. A page that became slow also makes the other program's"
        " page slow, and the difference shrinks.",
        "Two people share one kitchen and cook at the same time: does the clock on the wall show which of them cooks"
        " faster? What would?",
        "order",
    ),
    Hint(
        "many-names",
        "Requests for one page are counted under many names",
        "Locust groups requests by their name, and by default the name is the whole address. If each request for a page"
        " contains another user's name, each of these users gets a row. A row of one or two requests shows nothing"
        " about the page.",
        "How does Locust decide whether two requests belong in one row, and where can you change that?",
        "names",
    ),
    Hint(
        "too-few-samples",
        "Too few requests for this figure",
        "A percentile is the time above which a certain share of the requests lies. If only a few requests lie above"
        " it, those few decide its value, and the next run has other ones. At least thirty have to lie above it: for a"
        " median that takes 60 requests in each run, for a p95 600.",
        "How many requests does one user send in a minute, if a pause of one to two seconds follows each answer? What"
        " could you increase in a run: the users, the seconds, or neither?",
        "beyond",
    ),
    Hint(
        "target-unseen",
        "The server's processor time was not measured",
        "The processor time of a server is measured only if the rehearsal started that server itself, on the same"
        " machine, and if the run lasted some seconds.",
        "How was the server that answered started, and on which machine would you have to look at its processes?",
        no_picture="There is no picture: these runs lack exactly the measurements that it would show.",
    ),
    Hint(
        "too-many-failures",
        "Many requests failed",
        "More than one request in twenty failed. The figures then mix two things: the time of a page, and the time"
        " until an error. If every request fails at once, the program looks very fast.",
        "Which requests failed, and what did the server answer? If only the others counted, what would you still know"
        " about the page?",
        "failures",
    ),
    Hint(
        "error-rates-differ",
        "More requests failed on one side",
        "The share of failed requests is not the same on both sides. A failed request stops somewhere on its way: at an"
        " error page, at a check, or at a timeout. Its time is not the time of the page. A page that is broken can"
        " therefore look like a page that became faster.",
        "What did the server answer to the failed requests, and which lines of your code did they never reach?",
        "failures",
    ),
    Hint(
        "responses-differ",
        "The two sides did not return the same page",
        "The page returned after the change is not the one returned before it: the status, the size or the content"
        " differs. A page that shows less, or something wrong, takes less time to make. That is not a gain in speed.",
        "Open the starter's page and your own side by side, for the same user: what does one of them show that the"
        " other does not?",
        "answers",
    ),
    Hint(
        "generator-saturated",
        "The load generator was too busy",
        "Locust runs on this machine, too. Here it used most of a core, or sent its requests late. Locust measures"
        " the times: while it is busy, an answer waits until Locust reads it, and that wait is part of your figures.",
        "What else was running on the machine? And how many users do you need to show what you want to show?",
        "busy",
    ),
)
"""Hints for problems that make a comparison invalid, in the order of the rehearsal's refusals."""

FLAGGED: Final = (
    Hint(
        "not-interleaved",
        "First all runs of one side, then all of the other",
        "All runs of one side came before those of the other. In the meantime the machine changed: it became warmer, an"
        " update started, a browser was opened. All of that affected one side only, and it looks as if your change had"
        " caused it.",
        "In which order would you do twelve runs, so that a machine that becomes slower and slower gives no side an"
        " advantage?",
        "order",
    ),
    Hint(
        "warm-up-not-cut",
        "The start of the run is included in the figures",
        "A program that has just started opens files, fills caches and accepts its first connections. That makes the"
        " first requests slower, and here they are part of the figures.",
        "Which of these requests would a visitor meet an hour after the start? Where would you begin to count?",
        "beginning",
    ),
    Hint(
        "connection-outliers",
        "The slowest requests are those that opened a connection",
        "Before its first request, a client has to find the address for the host name and open a connection. Later"
        " requests use the open connection. Here nearly all slow requests opened one. Your route is not the cause: the"
        " time passed before the request was sent.",
        "Which requests of the run are these, and what does a client do for them that it does not repeat later? Which"
        " figures do they change: the median, the mean, the p95?",
        "connections",
    ),
    Hint(
        "coordinated-omission",
        "No requests were sent while the server was stalled",
        "Each simulated user waits for an answer before sending the next request. While the server was stalled, all of"
        " them were waiting: a stall of two seconds gives one slow request for each user, and all the requests that"
        " would have followed in that time are missing. The percentiles therefore hardly show the stall. Real visitors"
        " arrive independently of each other, and would have met it.",
        "How many requests would have been sent in the shaded time if the server had answered as usual, and how long"
        " would each of them have waited?",
        "stall",
    ),
    Hint(
        "phase-lock",
        "All users send their requests at the same moment",
        "The requests come in bursts, with nothing between them. Each request waits behind the others of its burst, so"
        " you measure a queue that your visitors would not cause.",
        "Why do these users stay in step, although nothing in the locustfile asks for that: when do they start, and how"
        " long do they pause?",
        "bursts",
    ),
    Hint(
        "rate-is-given",
        "The rate could not change",
        "Requests per second look like a measure of the server. But these users send a request, wait for the answer,"
        " pause, and send the next one. If the pause is most of that time, the pause alone decides the rate. By"
        " Little's law, the rate is the number of users divided by the length of one round: the wait for the answer"
        " plus the pause.",
        "If every answer came at once, how many requests could these users send in a second? How far from that were"
        " you, before and after?",
        "ceiling",
    ),
    Hint(
        "responses-not-compared",
        "The content of the pages was not compared",
        "No response is the same as another one, not even two of the same program: perhaps the page shows the time, a"
        " name or a random number. So a comparison of the content cannot show whether your change kept the page. The"
        " status, the size and the checks of the locustfile are all that was compared.",
        "How would you notice an error page that is as long as the real one? Which words must be on the page, and where"
        " in the locustfile could you look for them?",
        "answers",
    ),
    Hint(
        "mix-shifted",
        "The mix of pages changed",
        "The share of each page among all requests is not what it was. A figure for all requests then changes because"
        " more of them were for a fast page, although no page became faster.",
        "What decides which page is requested next, and why did it decide differently after your change?",
        "mix",
    ),
    Hint(
        "one-row-of-many",
        "One row was picked out of many",
        "The figure comes from a row that has few of the requests. Among many rows there is always one that suits, and"
        " it shows nothing about the others.",
        "How many requests are behind this figure, and what does the row of all requests show?",
        "names",
    ),
    Hint(
        "drift",
        "The page becomes slower or faster during the run",
        "Late in the run the page takes a different time than early in the run. Your result then depends on how long"
        " you measure.",
        "What grows with each request: a table, a list in memory, a log? What would the figure be after an hour?",
        "early-late",
    ),
    Hint(
        "littles-law-off",
        "Users, rate and waiting times do not fit together",
        "The number of requests in progress is the rate times the waiting time (Little's law). Each user waits for an"
        " answer, so there can never be more requests in progress than users. Here there are more. Either a request was"
        " sent outside of a user's task, or a request was counted that was never sent.",
        "Which requests does one task of the locustfile send, and is each of them counted once, under its own name?",
        "concurrency",
    ),
    Hint(
        "arrivals-dropped",
        "Some requests were never sent",
        "More users arrived than the load generator could handle at once, and those with the longest wait gave up"
        " before they sent a request. They are missing from all figures, which therefore look better than the truth.",
        "Which requests are missing from the measurement, and would they have changed the median, the p95, or both?",
        "dropped",
    ),
    Hint(
        "sent-late",
        "The requests were sent late",
        "Part of each waiting time passed before the request was sent: the load generator had to wait for the"
        " processor. That part comes from the machine, and stays the same whatever you change in the app.",
        "If a third of the waiting time does not come from your app, and you make the app twice as fast, by how much"
        " does the figure fall?",
        "lateness",
    ),
)
"""Hints for problems that weaken a comparison, in the order of the rehearsal's flags."""

CONCLUDED: Final = (
    Hint(
        "rate-cannot-move",
        "A conclusion from a rate that could not change",
        "Your report draws a conclusion from requests per second. But a user of the locustfile sends a request, waits"
        " for the answer, pauses for one to two seconds, and sends the next one: the pause decides the rate.",
        "If every answer came in 0 ms, how many requests could these users send in a minute? How much is left for the"
        " server to change?",
        "ceiling",
    ),
    Hint(
        "percentile-is-maximum",
        "With so few requests, the percentile is the slowest request",
        "Of twenty requests, nineteen lie below the 95th percentile and one does not. The p95 that Locust prints is"
        " then that one request, and so is the p99.",
        "If the slowest request had taken twice as long, which of the figures would have changed, and which would not?",
        "beyond",
    ),
    Hint(
        "not-repeated",
        "One run of each side is not enough",
        "Your report compares one run before with one run after. Two runs of the same program differ, too, and one run"
        " of each cannot show by how much.",
        "If you ran the same program six times, how far apart would the six figures be? How large must a difference be"
        " before you would bet on it?",
        "repeats",
    ),
    Hint(
        "columns-mixed",
        "A mean was compared with a median or a percentile",
        "The mean, the median and the p95 of the same requests are three numbers. Compared with each other, they show a"
        " difference where nothing has changed.",
        "Which column is each of your two numbers from, and which column do you want to report?",
        "columns",
    ),
    Hint(
        "share-off",
        "The percentage does not follow from the figures",
        "From 200 ms to 100 ms, half of the time is saved, and twice as much can be done in the same time: 50 % less"
        " waiting, 100 % more speed. The percentage in your report is neither.",
        "Which number did you divide by which? And what became larger or smaller by that percentage?",
        "shares",
    ),
    Hint(
        "direction-denied",
        "The figures moved the other way",
        "Your report describes a change in one direction. The figures before and after, in the report itself or in its"
        " tables, changed in the other direction.",
        "What was this figure before and after? Would you use the same words for somebody else's table?",
        "shares",
    ),
    Hint(
        "total-differs",
        "The row of all requests contradicts the other rows",
        "The row Aggregated is made of all rows above it: its requests are their sum, its minimum and maximum are the"
        " extremes of theirs, and its average is the time of all requests together, divided by their number. In your"
        " report the figures do not fit together.",
        "What do you get if you add up the rows yourself? Which figure was copied or read wrongly, or is from another"
        " run?",
        no_picture="There is no picture: only the table in the report shows it.",
    ),
    Hint(
        "table-of-other-route",
        "The table is of another route",
        "A heading in your report names one route, and the table below it counts requests for another.",
        "Which locustfile did this run use? And where is the table of the route in the heading?",
        no_picture="There is no picture: only the headings in the report show it.",
    ),
)
"""Hints for conclusions of a report that its tables do not support, unless a hint above covers them."""

HINTS: Final[Mapping[str, Hint]] = {hint.code: hint for hint in (*REFUSED, *FLAGGED, *CONCLUDED)}
"""All hints by their codes."""
