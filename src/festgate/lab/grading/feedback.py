"""Write the feedback for a student: for each part, the expectation, the result, and a hint where to look.

It names neither a solution nor another student.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from festgate.lab.description.starter import Starter
from festgate.lab.grading.agreement import reasons_of
from festgate.lab.grading.grades import Grade
from festgate.lab.grading.reports import AuditedReport
from festgate.lab.grading.score import CRASHES, LOADS

_HAPPENED: Final[Mapping[str, str]] = {
    "fails-at-once": "The page rejected a request that the original answers.",
    "rows-dropped": "The page showed fewer rows than there were.",
    "constant-page": "The page showed old data after the database had changed.",
    "shared-answer": "The page showed one person what belongs to another.",
    "fixed-total": "The total stayed the same after a fee had changed.",
    "answers-differ": "The page showed something else than the original.",
    "others-differ": "A page that the exercise does not ask you to change responded differently.",
    "crash-left": "The page still failed with a server error.",
    "crash-hidden": "The page responded, but its code still raised the error on the way.",
    "grows-faster": "With more rows the work grew faster than in the original.",
    "work-elsewhere": "Less of the page's own code ran, but the page did not become faster.",
    "busy-without-requests": "The app worked while nobody sent a request.",
    "gone": "The app exited or stopped responding.",
    "load-changed": "The locustfile sends other requests than the one that was handed out.",
    "wait-changed": "The pause between two requests of a user is not the one that was handed out.",
    "errors-swallowed": "The locustfile counts failed responses as successes.",
    "load-missing": "The locustfile is missing.",
    "load-broken": "The locustfile does not run, or it sends no request.",
    "host-changed": "The locustfile sends its requests to another host than the one that was handed out.",
    "person-changed": "The locustfile requests the pages of another person, or of several.",
    "requests-rejected": "The locustfile leaves out the person, and the page rejects each of its requests.",
    "grouping-changed": "The locustfile groups its requests otherwise in the rows of the statistics.",
    "baseline-changed": "The figures before the change were not measured with the original app.",
}
_LOOK_AT: Final[Mapping[str, str]] = {
    "fails-at-once": "Which parameters does your page require, and which does the load send?",
    "rows-dropped": "How many rows does your page show when the database has more than nine events?",
    "constant-page": "Add an event to the database while the app runs. When does your page show it, and why?",
    "shared-answer": "Open the page as two people, one after the other. What does your code keep between requests?",
    "fixed-total": "Change a fee in the database while the app runs. Where does your total come from?",
    "answers-differ": "Send this request to the original app and to yours. In which fact do the two pages differ?",
    "others-differ": "Send this request to the original app and to yours. Which of your changes reaches this page?",
    "crash-left": "Send this request while you watch the terminal of the server. Which line is in the last message?",
    "crash-hidden": "Which line still raises the error, and what happens to the error afterwards?",
    "grows-faster": "How often does each line run with 9 events? How often with 100, and with 1,000?",
    "work-elsewhere": "Which code runs for each request, besides the function of the page?",
    "busy-without-requests": "What does your app do between two requests, and what for?",
    "gone": "Send this request while you watch the terminal of the server. What is its last message?",
    "load-changed": "What would each of the two builds answer to the other one's requests?",
    "wait-changed": "Which number of the report changes with the pause, even if the server stays the same?",
    "errors-swallowed": "What would the column of failures show if the page answered an error each time?",
    "load-missing": "How could somebody else repeat your measurement?",
    "load-broken": "What does Locust print when you run this file by itself?",
    "host-changed": "What does a client do for its first request to each of the two hosts?",
    "person-changed": "How long is the page of each of these people, and for which events are they registered?",
    "requests-rejected": "Which status do these requests get, and how much work does the page do before it answers?",
    "grouping-changed": "Which requests are behind each row, before and after?",
    "baseline-changed": "Which app answered in your runs before the change?",
}
_FOR_TEACHERS: Final = frozenset({"time-without-work", "load-equivalent", "load-unrecorded"})
_OF_THE_LOAD: Final = LOADS | {"wait-changed", "baseline-changed"}
_UNCHANGED: Final = "Which lines run for each request of this page, and which results does the page need?"
_MAX_PLACES: Final = 4
_MAX_EVIDENCE: Final = 600


def feedback_text(starter: Starter, grade: Grade) -> str:
    """Return the feedback as Markdown that can be read as plain text, too."""
    name = grade.student.name if "name" not in grade.student.unsure else ""
    lines = [f"# Feedback{f' for {_person(name)}' if name else ''}", ""]
    if grade.score.maximum and grade.trouble != "grading":
        lines += [f"Points: {grade.points:g} of {grade.score.maximum:g}", ""]
    if grade.results is None:
        lines += _app(grade)
    else:
        lines += _crash(starter, grade.results)
        for path in starter.paths.values():
            lines += _route(path, grade.results)
        lines += _others(starter, grade.results)
        lines += _loads(starter, grade.results)
    lines += _reports(grade)
    lines += _answers(grade)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _app(grade: Grade) -> list[str]:
    expected = "The app starts and answers, so that it can be compared with the original."
    if grade.trouble == "other app":
        happened = ["Nearly all pages respond differently from the original, so nothing could be compared."]
        return _part(
            "The app", expected, happened, ["Which files were you given, and which did you hand in?"]
        )
    if grade.trouble == "grading":
        return _part("The app", expected, ["It has not been checked yet."], [])
    happened = ["It could not be checked.", *_quoted([grade.problem])]
    look_at = ["What happens on another computer, with nothing but the files that you submitted?"]
    return _part("The app", expected, happened, look_at)


def _crash(starter: Starter, results: Mapping[str, Any]) -> Iterator[str]:
    if not any(crash.must_be_fixed for crash in starter.crashes):
        return
    findings = [finding for finding in results["findings"] if finding["code"] in CRASHES]
    yield from _part(
        "The crash",
        "No page fails with a server error, and no code that always fails is left.",
        _happened(findings) if findings else ["All pages responded."],
        _look_at(findings),
    )


def _route(path: str, results: Mapping[str, Any]) -> Iterator[str]:
    route = next((route for route in results["routes"] if route["route"] == path), None)
    if route is None:
        return
    verdict = str(route["verdict"])
    findings = [
        finding
        for finding in results["findings"]
        if finding["route"] == path and finding["code"] not in _OF_THE_LOAD | _FOR_TEACHERS | CRASHES
    ]
    happened: list[str] = []
    look_at = _look_at(findings)
    if verdict == "improved":
        happened.append(_improved(str(route["headline"])))
    elif verdict == "unchanged" and "code" in route["by"]:
        happened.append("The code behind the page is the one that was handed out.")
        look_at = [_UNCHANGED]
    elif verdict == "unchanged":
        happened.append("The code was changed, but the page needs neither less time nor less work.")
        look_at = look_at or [_UNCHANGED]
    elif verdict == "wrong" and not findings:
        happened += ["The page did not respond as the original.", *_quoted(reasons_of(route))]
        look_at = look_at or [_LOOK_AT["answers-differ"]]
    elif verdict == "worse":
        happened.append("The page responds as before, but it needs more time or more work.")
        look_at = look_at or [_LOOK_AT["grows-faster"]]
    elif verdict != "wrong":
        happened.append(f"{route['headline'][:1].upper()}{route['headline'][1:]}.")
    yield from _part(
        path,
        "The page responds as before, and faster.",
        [*happened, *_happened(findings)],
        look_at,
    )


def _improved(headline: str) -> str:
    """Return the headline of an improved route as a sentence for the student."""
    by, _, slower = headline.removeprefix("improved").strip().partition(", and slower ")
    if by.startswith("by"):
        sentence = f"It is faster {by} of the time, with the 95 % interval in brackets."
    else:
        sentence = f"It needs {by.lstrip(': ')}." if by else "It is faster."
    return f"{sentence} With many rows it is slower than the original: {slower}." if slower else sentence


def _others(starter: Starter, results: Mapping[str, Any]) -> Iterator[str]:
    findings = [
        finding
        for finding in results["findings"]
        if finding["route"] not in {*starter.paths.values(), ""}
        and finding["code"] not in CRASHES | _OF_THE_LOAD
    ]
    happened = ["They did."] if results["others_alike"] else _happened(findings) or ["At least one did not."]
    look_at = [] if results["others_alike"] else _look_at(findings) or [_LOOK_AT["others-differ"]]
    yield from _part("The other pages", "They respond as before.", happened, look_at)


def _loads(starter: Starter, results: Mapping[str, Any]) -> Iterator[str]:
    findings = [finding for finding in results["findings"] if finding["code"] in _OF_THE_LOAD]
    if findings and starter.load:
        yield from _part(
            "The load",
            "The runs before and after send the same requests, so that the difference comes from the app.",
            _happened(findings),
            _look_at(findings),
        )


def _reports(grade: Grade) -> Iterator[str]:
    expected = "Each conclusion follows from a table that is in the report as text."
    if not grade.reports:
        yield from _part("The report", expected, ["There is no report."], [])
        return
    for report in grade.reports:
        happened, look_at = _report(report)
        yield from _part(f"The report: {_file(report.name)}", expected, happened, look_at)
    differs = [agreement for agreement in grade.claims if agreement.agreement == "differs"]
    if differs:
        yield from _part(
            "The report and the app",
            "What the report concludes can be seen in the app as well.",
            [f"{agreement.route}: the report {agreement.sentence}." for agreement in differs],
            ["What else differed between your runs before and after, besides the code of the page?"],
        )


def _report(report: AuditedReport) -> tuple[list[str], list[str]]:
    if report.findings:
        happened = []
        for finding in report.findings:
            happened += [
                f"{finding.title}. {finding.meaning}".strip(),
                *_quoted(finding.places[:_MAX_PLACES]),
            ]
        if not report.tables:
            happened.append(_not_checked(report))
        return happened, [finding.question for finding in report.findings if finding.question]
    if report.tables:
        return ["The conclusions were checked, and nothing speaks against them."], []
    if report.problem and not report.pictures:
        return ["It could not be checked.", *_quoted([report.problem])], []
    question = "How could a reader compute with your figures? Locust shows its table as text, too."
    return [_not_checked(report)], [question]


def _not_checked(report: AuditedReport) -> str:
    if report.pictures:
        shown = "a picture" if report.pictures == 1 else f"{report.pictures} pictures"
        return f"The figures could not be checked: they are in {shown}."
    return "The figures could not be checked: there is no table of Locust as text."


def _answers(grade: Grade) -> Iterator[str]:
    if grade.reading.missing:
        answered, of = grade.reading.answered
        missing = [f"- {question}" for question in grade.reading.missing] if answered else []
        yield from _part(
            "The questions",
            "Each question of the report is answered, with a number where it asks for one.",
            [
                f"{answered} of {of} are answered.{' Missing:' if missing else ''}",
                *missing,
            ],
            [],
        )


def _part(title: str, expected: str, happened: Sequence[str], look_at: Sequence[str]) -> list[str]:
    lines = [f"## {title}", "", f"Expected: {expected}", "", "What happened:", "", *happened, ""]
    if look_at:
        lines += ["What to look at:", "", *(f"- {question}" for question in dict.fromkeys(look_at)), ""]
    return lines


def _happened(findings: Sequence[Mapping[str, str]]) -> list[str]:
    lines = []
    for finding in findings:
        code = finding["code"]
        if code not in _FOR_TEACHERS:
            lines += [_HAPPENED.get(code, finding.get("meaning", code)), *_quoted([finding["figure"]])]
    return lines


def _look_at(findings: Sequence[Mapping[str, str]]) -> list[str]:
    return [_LOOK_AT[finding["code"]] for finding in findings if finding["code"] in _LOOK_AT]


def _quoted(texts: Sequence[str]) -> list[str]:
    """Quote text from a submission, which may contain Markdown."""
    lines = [line for text in texts for line in text[:_MAX_EVIDENCE].splitlines() if line.strip()]
    return ["", *(f"    {line}" for line in lines), ""] if lines else []


def _file(name: str) -> str:
    """Return the name of a file as Markdown that shows it unchanged."""
    return f"`{' '.join(name.replace('`', ' ').split())[:120]}`"


def _person(name: str) -> str:
    """Return a name without the characters that have a meaning in Markdown."""
    return " ".join(re.sub(r"[^\w\s.'-]|_", " ", name).split())
