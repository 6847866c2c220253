"""Every text that a visitor sends has a maximum length, which is checked before any other work."""

import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin
from urllib.parse import urlencode

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, PlainValidator, WrapValidator
from starlette.routing import BaseRoute, Mount

import festgate
from festgate.kit.web.forms import Line
from festgate.kit.web.gate import MAX_BODY, Gate
from festgate.kit.web.routing import Routes
from festgate.portal.app import create_app
from festgate.settings import Settings
from tests.rules.test_text import TOOLS

FORMS: Final = ("accounts", "catalogue", "checkout", "registrations", "tickets", "backoffice", "web")
HUGE: Final = "a" + "\u0301" * 100_000
MAX_CALLS: Final = 30
"""Calls that a validator may make of a text that is far too long."""
FIXED: Final = (int, float, bool, date, datetime, type(None))
"""Types whose size does not grow with what was sent."""


def is_bounding(function: Callable[..., Any]) -> bool:
    """Return whether a validator refuses a text that is far too long before it does anything else."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    with suppress(ValueError):  # the first call compiles patterns
        function("x")
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        function(HUGE)
    except ValueError:
        return calls <= MAX_CALLS
    finally:
        sys.setprofile(before)
    return False


def unbounded(  # noqa: C901  (one case for each kind of type)
    name: str,
    annotation: Any,  # noqa: ANN401
    metadata: Sequence[Any],
) -> Iterator[str]:
    """Yield the texts and lists of a type, by name, whose length is not checked first."""
    if get_origin(annotation) is Annotated:
        inner, *own = get_args(annotation)
        yield from unbounded(name, inner, [*flattened(own), *metadata])
        return
    metadata = flattened(metadata)
    first = next(
        (entry for entry in metadata if isinstance(entry, VALIDATORS) or hasattr(entry, "max_length")), None
    )
    bounded = hasattr(first, "max_length") or (isinstance(first, VALIDATORS) and is_bounding(first.func))
    origin = get_origin(annotation)
    if origin in {Union, UnionType}:
        for member in get_args(annotation):
            yield from unbounded(name, member, metadata)
    elif origin in {list, tuple, set, frozenset}:
        if not bounded:
            yield f"{name}: a list without a max length"
        for member in get_args(annotation):
            if member is not Ellipsis:
                yield from unbounded(f"{name}[]", member, ())
    elif origin is Literal or annotation in FIXED:
        # A parser of numbers or days reads the whole text.
        if isinstance(first, BeforeValidator | PlainValidator | WrapValidator) and not bounded:
            yield f"{name}: read without a max length"
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from unbounded_of(annotation, f"{name}.")
    elif not bounded:
        yield f"{name}: {getattr(annotation, '__name__', annotation)} without a max length"


VALIDATORS: Final = (AfterValidator, BeforeValidator, PlainValidator, WrapValidator)


def flattened(metadata: Sequence[Any]) -> list[Any]:
    """Return the metadata with the content of each `Field(...)` in its place."""
    entries: list[Any] = []
    for entry in metadata:
        entries += entry.metadata if hasattr(entry, "metadata") else [entry]
    return entries


def unbounded_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the fields of a model whose length is not checked first."""
    for name, field in model.model_fields.items():
        yield from unbounded(f"{prefix}{name}", field.annotation, field.metadata)


def api_routes(routes: Sequence[BaseRoute], prefix: str = "") -> Iterator[tuple[str, APIRoute]]:
    """Yield every route of the API with its address."""
    for route in routes:
        if isinstance(route, Mount):
            yield from api_routes(route.routes, prefix + route.path)
        elif isinstance(route, APIRoute):
            yield prefix + route.path_format, route
        elif router := getattr(
            route, "original_router", None
        ):  # the form in which FastAPI stores included routers
            yield from api_routes(router.routes, prefix)


def unbounded_of_call(dependant: Dependant) -> Iterator[str]:
    """Yield the parameters and bodies of a call whose length is not checked first."""
    for params in (
        dependant.path_params,
        dependant.query_params,
        dependant.header_params,
        dependant.cookie_params,
        dependant.body_params,
    ):
        for param in params:
            yield from unbounded(param.alias, param.field_info.annotation, param.field_info.metadata)
    for dependency in dependant.dependencies:
        yield from unbounded_of_call(dependency)


def form_models() -> Mapping[str, type[BaseModel]]:
    """Return the models of every module named `forms`."""
    forms: dict[str, type[BaseModel]] = {}
    for module in pkgutil.walk_packages(festgate.__path__, "festgate."):
        if module.name.endswith(".forms") and module.name.split(".")[-2] in FORMS:
            for model in vars(importlib.import_module(module.name)).values():
                if (
                    isinstance(model, type)
                    and issubclass(model, BaseModel)
                    and model.__module__ == module.name
                ):
                    forms[f"{module.name}.{model.__name__}"] = model
    return forms


def test_every_text_that_the_api_accepts_has_a_max_length(tmp_path: Path) -> None:
    gate: Gate = create_app(Settings(data_dir=tmp_path / "fest", payment_methods=("sandbox", "desk")))
    assert isinstance(gate.routes, Routes)
    routes = [*api_routes(gate.routes.listed)]
    assert {"/api/v1/people", "/api/v1/orders", "/api/v1/tickets/{code}/admission"} <= {
        path for path, _ in routes
    }
    assert [
        f"{path} ({route.name}): {wrong}"
        for path, route in routes
        for wrong in unbounded_of_call(route.dependant)
    ] == []


def test_every_text_of_every_form_has_a_max_length() -> None:
    models = form_models()
    assert {"festgate.portal.accounts.forms.NewAccount", "festgate.portal.checkout.forms.OrderInput"} <= {
        *models
    }
    assert [f"{name}: {wrong}" for name, model in models.items() for wrong in unbounded_of(model)] == []


class ExampleModel(BaseModel):
    """A model with every way of omitting the check of the length, and of making it too late."""

    bare: str
    maybe: str | None = None
    late: Annotated[str, AfterValidator(str.casefold), Field(max_length=10)]
    early: Annotated[str, BeforeValidator(str), Field(max_length=10)]
    many: Annotated[list[str], Field(max_length=3)]
    endless: list[int]
    open: dict[str, int]
    number: Annotated[int, BeforeValidator(lambda text: sum(sign.isdigit() for sign in text))]
    fine: Annotated[str, Field(max_length=10), AfterValidator(str.casefold)]
    line: Line
    closer: Annotated[Line, Field(max_length=10)]
    choice: Literal["a", "b"]
    inner: "NestedModel"


class NestedModel(BaseModel):
    """A nested model."""

    deep: str


def test_fields_without_a_max_length_are_detected() -> None:
    ExampleModel.model_rebuild()
    wrong = [line.partition(":")[0] for line in unbounded_of(ExampleModel)]
    assert wrong == [
        "bare",
        "maybe",
        "late",
        "early",
        "many[]",
        "endless",
        "open",
        "number",
        "inner.deep",
    ]


READS_REQUEST = re.compile(r"\b(?:query_params|path_params|headers\.get\()")
ONLY_COMPARED = re.compile(
    r"""" in request\.query_params|RETURNED in request\.query_params"""
    r"""|[!=]= (?:request\.)?headers\.get\(|headers\.get\([^()]*\) [!=]="""
)
"""A value that is only compared."""
ALLOWED: Final[Mapping[str, tuple[str, ...]]] = {
    # The readers that limit what they return.
    "kit/web/parameters.py": (
        "query_params.get(name",
        "query_params.items()",
        "query_params.getlist(name)",
        "path_params[name]",
        "name in request.path_params",
        "headers.get(name",
    ),
    # It reads the raw headers; each is compared, or its length is checked in the same line or the next.
    "kit/web/gate.py": ('headers.get(b"', 'scope.get("path_params"'),
    # Numbers, which Starlette's converter has parsed from an address of at most 4,096 bytes.
    "portal/registrations/pages.py": ('path_params["id"]',),
    "portal/registrations/waiting_pages.py": ('path_params["id"]',),
    # A model with limited fields parses them.
    "portal/catalogue/pages.py": ("checked(ListForm, request.query_params)",),
    # It sets them, and reads none.
    "kit/web/routing.py": ('scope["path_params"] = {}',),
    # The headers of a cache, not of a request.
    "kit/web/pages.py": ("self._headers.get(key)",),
}


def unlimited_reads(source: str, allowed: Sequence[str]) -> Sequence[str]:
    """Return the lines that read something from a request without a limit."""
    return [
        line.strip()
        for line in source.splitlines()
        if READS_REQUEST.search(line)
        and not ONLY_COMPARED.search(line)
        and not any(text in line for text in allowed)
    ]


def test_pages_read_addresses_and_headers_only_through_functions_with_a_limit() -> None:
    root = Path("src/festgate")
    reads = {}
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if path.parts[2] not in TOOLS:
            reads[name] = unlimited_reads(path.read_text(encoding="utf-8"), ALLOWED.get(name, ()))
    assert {name: lines for name, lines in reads.items() if lines} == {}


@pytest.mark.parametrize(
    "line",
    [
        'token = request.query_params.get("token", "")',
        'slug = request.path_params["slug"]',
        'kind = request.headers.get("content-type", "").lower()',
    ],
)
def test_an_unlimited_read_is_detected(line: str) -> None:
    assert unlimited_reads(line, ()) == [line]


@pytest.mark.parametrize("character", ["\u0915", "\U0001f389"])
def test_an_events_form_has_room_for_the_longest_description_in_any_script(
    tmp_path: Path, character: str
) -> None:
    gate = create_app(Settings(data_dir=tmp_path / "fest"))
    fields = {"description": character * 10_000, "title": character * 120, "summary": character * 200}
    assert MAX_BODY < len(urlencode(fields)) < gate.max_body("/organise/events/new")
