"""The log as operators read it: written by a process of its own, read line by line."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from ingestd.telemetry.events import Event
from ingestd.telemetry.metrics import Metrics

BEGIN = """
import logging, warnings, structlog
from ingestd.telemetry.logs import configure_logs, get_logger
from ingestd.telemetry.events import Event
configure_logs(log_format={format!r}, level={level!r})
"""


def run(program: str, *, log_format: str = "json", level: str = "info") -> list[str]:
    """Return the lines that a program writes to stderr; nothing may go to stdout."""
    begin = BEGIN.format(format=log_format, level=level)
    done = subprocess.run(
        [sys.executable, "-c", begin + program], capture_output=True, check=True, encoding="utf-8"
    )
    assert done.stdout == ""
    return done.stderr.removesuffix("\n").split("\n")


def read(program: str, **options: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(program, **options)]


def test_our_lines_are_one_json_object_each() -> None:
    """Log shippers split by line and parse each."""
    (line,) = read(
        "note = 'two\\nlines \\u2028 é'\n"
        "get_logger('ingestd.x').info(Event.FILE_CLAIMED, account='A', note=note)"
    )
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "account": "A",
        "note": "two\nlines \u2028 é",
        "event": "file_claimed",
        "level": "info",
        "logger": "ingestd.x",
    }


def test_lines_of_libraries_have_the_same_keys() -> None:
    """One query finds them all, whoever wrote them."""
    lines = read("logging.getLogger('lib').warning('%s of %d', 'one', 2)")
    assert [(line["event"], line["level"], line["logger"]) for line in lines] == [
        ("one of 2", "warning", "lib")
    ]
    assert "timestamp" in lines[0]


def test_warnings_become_lines() -> None:
    """A warning of Python is not a stray text between the JSON lines."""
    (line,) = read("warnings.warn('old', RuntimeWarning)")
    assert "RuntimeWarning: old" in line["event"]


@pytest.mark.parametrize(
    "logger",
    [
        "get_logger('x').error('failed', exc_info=True)",
        "logging.getLogger('x').exception('failed')",
    ],
)
def test_exceptions_come_without_local_variables(logger: str) -> None:
    """Local variables hold rows, names and keys: they never reach a log."""
    program = f"""
def work(row):
    secret_row = 'WALLET,T1,' + row
    raise ValueError('it failed')
try:
    work('S1-secret')
except ValueError:
    {logger}
"""
    (line,) = read(program)
    text = json.dumps(line)
    assert "S1-secret" not in text
    assert "WALLET,T1,S1" not in text
    assert "it failed" in text


def test_what_is_bound_to_the_context_is_on_every_line() -> None:
    """All lines of one session can be found by its identifier."""
    lines = read(
        "structlog.contextvars.bind_contextvars(session_id='s1')\n"
        "get_logger('x').info('a'); logging.getLogger('lib').warning('b')"
    )
    assert [line["session_id"] for line in lines] == ["s1", "s1"]


def test_the_level_keeps_the_rest_out() -> None:
    """A quiet log stays quiet, and a chatty library too."""
    program = (
        "get_logger('x').info('a'); get_logger('x').error('b')\n"
        "logging.getLogger('asyncssh').info('c'); logging.getLogger('asyncssh').warning('d')"
    )
    assert [line["event"] for line in read(program)] == ["a", "b", "d"]
    assert [line["event"] for line in read(program, level="error")] == ["b"]


def test_a_file_name_that_is_no_text_can_be_logged() -> None:
    """A strange name must not break the log of everybody else."""
    (line,) = read("get_logger('x').info('a', filename='\\udcff.csv', path=object)")
    assert line["filename"] == "\udcff.csv"


def test_for_people_the_log_is_text() -> None:
    """On a terminal nobody wants to read JSON."""
    (line,) = run("get_logger('x').info('file_claimed', account='A')", log_format="console")
    assert "file_claimed" in line
    assert "account=A" in line
    assert not line.startswith("{")


def test_event_names_are_noun_and_verb() -> None:
    """Dashboards and alerts hold on to them."""
    for event in Event:
        assert event.value == event.name.lower()
        assert event.value.replace("_", "").isalpha()
        assert "_" in event.value


def test_metrics_count_what_happened() -> None:
    """Prometheus scrapes them in its own format, each daemon's apart."""
    metrics = Metrics()
    metrics.files.labels("A", "processed").inc()
    assert b'ingestd_files_total{account="A",status="processed"} 1.0' in metrics.render()
    assert b'account="A"' not in Metrics().render()
