"""The log: one JSON object a line on stderr, each with the name of an event of ours."""

from __future__ import annotations

import logging
import sys
import warnings
from types import TracebackType
from typing import Literal

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor

from ingestd.telemetry.foreign import OURS, ForeignLines

LogFormat = Literal["json", "console"]
LogLevel = Literal["debug", "info", "warning", "error"]

# What one field may hold. A config file full of mistakes would else make a line of megabytes.
_TEXT_CHARACTERS_MAX = 2_000
_LISTED_MAX = 200


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a room; `name` becomes the line's `logger`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def trace_without_words(
    error: BaseException,
) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    """Return, as `exc_info`, where an error came from, and not its own words.

    They may quote a row, a key or a password.
    """
    return RuntimeError, RuntimeError(type(error).__name__), error.__traceback__


def bound_fields(_logger: object, _method: str, event_dict: EventDict) -> EventDict:
    """Cut what is too long in a line's fields, and say so in its place."""
    return {name: _bounded(value) for name, value in event_dict.items()}


def _bounded(value: object) -> object:
    match value:
        case str() if len(value) > _TEXT_CHARACTERS_MAX:
            return f"{value[:_TEXT_CHARACTERS_MAX]}… ({len(value)} characters)"
        case dict():
            return {name: _bounded(inner) for name, inner in value.items()}
        case list() | tuple():
            more = [f"… and {len(value) - _LISTED_MAX} more"] if len(value) > _LISTED_MAX else []
            return [_bounded(inner) for inner in value[:_LISTED_MAX]] + more
        case _:
            return value


def configure_logs(*, log_format: LogFormat, level: LogLevel) -> None:
    """Send every log line of this process to stderr in one format, with names of ours.

    `json` is for machines. `console` is for people, in colour when stderr is a terminal.
    What libraries log becomes `library_reported`, whatever the level: from a warning on.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    if log_format == "json":
        rendering: list[Processor] = [
            # Never with local variables: they hold rows, names and keys.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            bound_fields,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ]
    else:
        rendering = [
            bound_fields,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    writer = logging.StreamHandler(sys.stderr)
    writer.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering]
        )
    )
    foreign = ForeignLines(writer)
    root = logging.getLogger()
    root.handlers[:] = [foreign]
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(level.upper())
    logging.raiseExceptions = False  # what stderr does not take cannot be told there
    warnings.showwarning = foreign.show_warning
