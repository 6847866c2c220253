"""The API reference at /docs, made from the OpenAPI description, without scripts or external files."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.clock import NEVER, Milliseconds
from festgate.kit.deferred import Deferred
from festgate.kit.errors import NotFound, Refused
from festgate.kit.web.compression import Piece, gzipped
from festgate.kit.web.parameters import read_path
from festgate.kit.web.portal import Portal

Schema = dict[str, Any]


@dataclass(frozen=True)
class Value:
    """A parameter or a field of a body."""

    name: str
    place: str
    kind: str
    required: bool
    meaning: str


@dataclass(frozen=True)
class Operation:
    """One operation of the API."""

    anchor: str
    method: str
    path: str
    summary: str
    needs_token: bool
    values: tuple[Value, ...]
    answers: tuple[tuple[str, str], ...]
    example: str


@dataclass(frozen=True)
class Reference:
    """The view model of /docs: the operations in groups with headings."""

    groups: tuple[tuple[str, tuple[Operation, ...]], ...]
    until: Milliseconds = NEVER


@dataclass(frozen=True)
class Made:
    """The OpenAPI description as JSON (100 KB compressed), and as the view model of a page."""

    body: Piece
    reference: Reference


class ReferencePage:
    """The routes /docs, /openapi.json and /docs/problems/{code}."""

    def __init__(self, portal: Portal, describe: Callable[[], Schema]) -> None:
        """Take the function that makes the OpenAPI description; it is called on the first request."""
        self._portal = portal
        self._describe = describe
        self._made = Deferred(self._make)  # it takes a third of a second

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/docs", self.show, methods=["GET"]),
            Route("/docs/problems/{code}", self.problem, methods=["GET"]),
            Route("/openapi.json", self.document, methods=["GET"]),
        ]

    def _make(self) -> Made:
        document = self._describe()
        groups: dict[str, list[Operation]] = {}
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                group = groups.setdefault((operation.get("tags") or ["other"])[0], [])
                base_url = self._portal.settings.base_url
                group.append(_operation(document, path, method, operation, base_url))
        body = Piece(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())
        gzipped((body,))  # compressed here, too: a piece keeps its compressed form
        return Made(body, Reference(tuple((name, tuple(operations)) for name, operations in groups.items())))

    async def document(self, request: Request) -> Response:
        """Return the OpenAPI description as JSON."""
        body = (await self._made.get()).body
        headers = {"cache-control": "no-cache", "vary": "accept-encoding"}
        if b"gzip" in request.scope.get("festgate.encodings", b""):
            return Response(gzipped((body,)), 200, headers | {"content-encoding": "gzip"}, "application/json")
        return Response(body.plain, 200, headers, "application/json")

    async def show(self, request: Request) -> Response:
        """Return the page /docs."""

        async def look() -> Reference:
            return (await self._made.get()).reference

        return await self._portal.kept_page(request, ("docs",), look, "kit/reference.html", public=True)

    async def problem(self, request: Request) -> Response:
        """Return the page about a kind of problem, which its `type` links to."""
        kinds = {kind.code: kind for kind in _descendants(Refused)}
        kind = kinds.get(read_path(request, "code"))
        if kind is None:
            raise NotFound
        return await self._portal.page(request, "kit/problem.html", kind=kind)


def _descendants(kind: type[Refused]) -> list[type[Refused]]:
    return [kind, *(descendant for child in kind.__subclasses__() for descendant in _descendants(child))]


def _operation(document: Schema, path: str, method: str, operation: Schema, base: str) -> Operation:
    values = [
        Value(
            parameter["name"],
            parameter["in"],
            _kind(document, parameter["schema"]),
            parameter.get("required", False),
            parameter.get("description", parameter["schema"].get("description", "")),
        )
        for parameter in operation.get("parameters", [])
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body is not None:
        values += _fields(document, body)
    answers = tuple((status, answer["description"]) for status, answer in operation["responses"].items())
    needs_token = bool(operation.get("security"))
    lines = [f"curl -X {method.upper()} {base}/api/v1{path}"]
    if needs_token:
        lines.append("-H 'Authorization: Bearer TOKEN'")
    lines += [f"-H '{value.name}: ...'" for value in values if value.place == "header"]
    if body is not None:
        fields = ", ".join(
            f'"{value.name}": ...' for value in values if value.place == "body" and value.required
        )
        lines.append(f"-H 'Content-Type: application/json' -d '{{{fields}}}'")
    return Operation(
        anchor=f"{method}-{path}".replace("/", "-").replace("{", "").replace("}", ""),
        method=method.upper(),
        path=f"/api/v1{path}",
        summary=operation.get("description") or operation.get("summary", ""),
        needs_token=needs_token,
        values=tuple(values),
        answers=answers,
        example=" \\\n  ".join(lines),
    )


def _resolve(document: Schema, schema: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    resolved: Schema = document["components"]["schemas"][reference.rsplit("/", 1)[1]]
    return resolved


def _fields(document: Schema, schema: Schema) -> list[Value]:
    resolved = _resolve(document, schema)
    needed = resolved.get("required", [])
    return [
        Value(name, "body", _kind(document, field), name in needed, field.get("description", ""))
        for name, field in resolved.get("properties", {}).items()
    ]


def _kind(document: Schema, schema: Schema) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(document, choice) for choice in schema["anyOf"])
    resolved = _resolve(document, schema)
    if "enum" in resolved:
        return " | ".join(str(value) for value in resolved["enum"])
    kind: str = resolved.get("type", "object")
    return f"{kind} ({resolved['format']})" if "format" in resolved else kind
