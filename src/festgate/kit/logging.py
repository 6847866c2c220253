"""Logging with structlog; each line has the id of its request."""

import contextlib
import json
import logging
import sys
from contextvars import ContextVar
from typing import Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from festgate.kit.scrubbing import scrub_line

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the current request, which the gate sets and the error page shows."""


class Forgiving:
    """A stream that drops lines if it cannot write them: a full disk must not stop the program."""

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream`."""
        self._stream = stream

    def write(self, text: str) -> None:
        """Write the text, or drop it."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        """Flush the stream; ignore errors."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


def configure(log_format: Literal["auto", "console", "json"], level: str) -> None:
    """Send structlog's and the standard library's lines to standard error in one format."""
    console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        _add_request_id,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if console else "iso", utc=not console),
    ]
    # Tracebacks without local variables: those hold cookies, passwords and card numbers.
    plain = structlog.dev.plain_traceback
    # Tracebacks are formatted before the line is scrubbed, because errors quote values.
    shown: list[Processor] = [
        structlog.processors.format_exc_info,
        scrub_line,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)
        if console
        else _render_json,
    ]
    structlog.configure(
        processors=[*shared, *shown],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", Forgiving(sys.stderr))),
        # Without this every line assembles its logger again, which takes 20 us.
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shown],
        )
    )
    logging.basicConfig(
        level=max(logging.getLevelNamesMapping()[level.upper()], logging.WARNING),
        handlers=[handler],
        force=True,
    )


# An encoder that is kept: json.dumps with options makes one for each line, which takes as long as the text.
_encode = json.JSONEncoder(ensure_ascii=False, default=repr).encode


def _render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return _encode(event)


def _add_request_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    identity = request_id.get()
    if identity:
        event["request_id"] = identity
    return event
