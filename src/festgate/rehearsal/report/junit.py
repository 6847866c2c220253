"""JUnit XML, which CI systems show as test results."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

Result: TypeAlias = Literal["passed", "failure", "error", "skipped"]


@dataclass(frozen=True, slots=True)
class Case:
    """A test case."""

    name: str
    result: Result
    message: str


def suite(name: str, cases: Sequence[Case], seconds: float = 0.0, began: float | None = None) -> str:
    """Return the cases as one suite that ends with a newline; `began` is in seconds since 1970."""
    counts = {
        f"{kind}s" if kind != "skipped" else kind: str(sum(case.result == kind for case in cases))
        for kind in ("failure", "error", "skipped")
    }
    root = ET.Element("testsuites")
    attributes = {"name": _xml(name), "tests": str(len(cases)), **counts, "time": f"{seconds:.3f}"}
    if began is not None:
        attributes["timestamp"] = f"{datetime.fromtimestamp(began, UTC):%Y-%m-%dT%H:%M:%S}"
    testsuite = ET.SubElement(root, "testsuite", attributes)
    for case in cases:
        testcase = ET.SubElement(testsuite, "testcase", {"classname": _xml(name), "name": _xml(case.name)})
        if case.result != "passed":
            ET.SubElement(testcase, case.result, {"message": _xml(case.message)})
        else:
            ET.SubElement(testcase, "system-out").text = _xml(case.message)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _xml(text: str) -> str:
    """Remove the characters that XML 1.0 cannot represent: most of the control characters."""
    return "".join(character for character in text if _in_xml(ord(character)))


def _in_xml(point: int) -> bool:
    ranges: Iterable[tuple[int, int]] = ((0x20, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x10FFFF))
    return point in (0x9, 0xA, 0xD) or any(low <= point <= high for low, high in ranges)
