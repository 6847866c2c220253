"""Every module that our code imports is read by mypy, which takes the content of a skipped one for Any."""

import re
from collections.abc import Iterator

import pytest

from tests.rules.project import files, lines, name, pyproject

IMPORT = re.compile(r"\s*(?:from ([\w.]+) import (.*)|import ([\w.]+))")
OVERRIDES = [
    override for override in pyproject()["tool"]["mypy"]["overrides"] if "follow_imports" in override
]
SKIPPED, FOLLOWED = (
    tuple(
        pattern
        for override in OVERRIDES
        if override["follow_imports"] == kind
        for pattern in override["module"]
    )
    for kind in ("skip", "normal")
)


def skipped(line: str) -> Iterator[str]:
    """Yield the modules that the line imports and mypy skips."""
    if (match := IMPORT.match(line)) is None:
        return
    package, names, plain = match.groups()
    modules = [plain or package]
    for imported in re.findall(r"(\w+)(?: as \w+)?", (names or "").partition("#")[0]):
        # A class of a package stands in a module with its name: `RefundCreateParams` in `_refund_create_params`.
        own = re.sub(r"(?<!^)(?=[A-Z])", "_", imported).lower()
        if f"{package}._{own}" not in FOLLOWED:
            modules.append(f"{package}.{imported}")
    for module in modules:
        if module not in FOLLOWED and any(
            f"{module}.".startswith(pattern.removesuffix("*").removesuffix(".") + ".") for pattern in SKIPPED
        ):
            yield module


def test_no_file_imports_a_module_that_mypy_skips() -> None:
    assert [
        f"{name(path)}: {module}"
        for path in files(".py")
        if name(path).startswith(("src/", "tests/", "bench/"))
        for line in lines(path)
        for module in skipped(line)
    ] == []


@pytest.mark.parametrize(
    "line, module",
    [
        ("import narwhals", "narwhals"),
        ("    from numpy import ma", "numpy.ma"),
        ("from sqlalchemy.dialects.mysql import insert", "sqlalchemy.dialects.mysql"),
        ("from stripe.params import CustomerCreateParams", "stripe.params.CustomerCreateParams"),
    ],
)
def test_an_import_of_a_skipped_module_is_reported(line: str, module: str) -> None:
    assert module in list(skipped(line))
