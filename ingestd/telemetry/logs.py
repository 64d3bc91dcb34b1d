"""The log: one JSON object a line on stderr, ours and our libraries' through the same formatter."""

from __future__ import annotations

import logging
import sys
from types import TracebackType
from typing import Literal

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

LogFormat = Literal["json", "console"]
LogLevel = Literal["debug", "info", "warning", "error"]

# asyncssh at info tells every channel and packet that our own events tell once, with context;
# its warnings and errors come through. The others stay at the level that was asked for.
_LIBRARY_LEVELS = {
    "asyncssh": logging.WARNING,
    "aiohttp.access": logging.WARNING,
    "alembic.runtime.plugins": logging.WARNING,
}


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


def configure_logs(*, log_format: LogFormat, level: LogLevel) -> None:
    """Send every log line of this process to stderr in one format.

    `json` is for machines. `console` is for people, in colour when stderr is a terminal.
    Lines of libraries carry the same keys; their text stands in `event`.
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
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ]
    else:
        rendering = [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
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
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.PositionalArgumentsFormatter()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *rendering,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
    for library, library_level in _LIBRARY_LEVELS.items():
        logging.getLogger(library).setLevel(max(library_level, root.level))
