"""JUnit's XML, which whatever runs builds shows as tests."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

Result: TypeAlias = Literal["passed", "failure", "error", "skipped"]


@dataclass(frozen=True, slots=True)
class Case:
    """What is shown as one test."""

    name: str
    result: Result
    message: str


def suite(name: str, cases: Sequence[Case], seconds: float = 0.0, began: float | None = None) -> str:
    """The cases as one suite, ended by a newline; `began` is in seconds since 1970."""
    counts = {
        f"{kind}s" if kind != "skipped" else kind: str(sum(case.result == kind for case in cases))
        for kind in ("failure", "error", "skipped")
    }
    root = ET.Element("testsuites")
    told = {"name": _xml(name), "tests": str(len(cases)), **counts, "time": f"{seconds:.3f}"}
    if began is not None:
        told["timestamp"] = f"{datetime.fromtimestamp(began, UTC):%Y-%m-%dT%H:%M:%S}"
    under = ET.SubElement(root, "testsuite", told)
    for case in cases:
        shown = ET.SubElement(under, "testcase", {"classname": _xml(name), "name": _xml(case.name)})
        if case.result != "passed":
            ET.SubElement(shown, case.result, {"message": _xml(case.message)})
        else:
            ET.SubElement(shown, "system-out").text = _xml(case.message)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _xml(text: str) -> str:
    """Without what XML 1.0 cannot hold in any form: most of the control characters."""
    return "".join(sign for sign in text if _in_xml(ord(sign)))


def _in_xml(point: int) -> bool:
    ranges: Iterable[tuple[int, int]] = ((0x20, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x10FFFF))
    return point in (0x9, 0xA, 0xD) or any(low <= point <= high for low, high in ranges)
