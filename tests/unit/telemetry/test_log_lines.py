"""The log as operators read it: written by a process of its own, read line by line."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.telemetry.events import Event
from ingestd.telemetry.foreign import Ration
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


def test_a_librarys_line_is_an_event_of_ours() -> None:
    """One name finds them all, and none can hold what a library was given: a row, a password."""
    (line,) = read("logging.getLogger('lib.part').warning('%s of %d', 'secret', 2)")
    assert line.pop("timestamp").endswith("Z")
    assert line.pop("place").startswith("<string>:")
    assert line == {
        "event": "library_reported",
        "level": "warning",
        "logger": "ingestd.library",
        "library": "lib.part",
        "severity": "warning",
        "template": "%s of %d",
    }


def test_a_librarys_error_is_told_without_its_words() -> None:
    """Its type and its place are enough to find it."""
    program = """
try:
    raise ValueError('secret')
except ValueError:
    logging.getLogger('lib').exception('failed\\nsecret %s', 'secret')
"""
    (line,) = read(program)
    assert (line["severity"], line["error"], line["template"]) == ("error", "ValueError", "failed")
    assert "secret" not in json.dumps(line)


def test_what_libraries_say_below_a_warning_is_not_there() -> None:
    """Whatever the level: what they tell at debug are packets, statements and their values."""
    program = "logging.getLogger('lib').info('a'); logging.getLogger('lib').debug('b')"
    assert run(program, level="debug") == [""]


def test_a_library_that_floods_is_told_of_now_and_then() -> None:
    """Ten thousand resets in a minute must not fill the disk, nor hide the other lines."""
    program = (
        "for number in range(1000):\n"
        " logging.getLogger('lib').warning('x' * 1000)\n"
        " logging.getLogger('asyncio').warning('socket.send() raised exception.')\n"
        "logging.getLogger('other').warning('y')"
    )
    lines = read(program)
    assert [line["library"] for line in lines] == ["lib"] * 5 + ["other"]
    assert max(map(len, map(json.dumps, lines))) < 600


@given(moments=st.lists(st.tuples(st.floats(0, 30), st.sampled_from("ab")), max_size=60))
def test_a_ration_counts_what_it_leaves_out(moments: list[tuple[float, str]]) -> None:
    """Nothing is lost without a number, and no span holds more than its lines."""
    now = 0.0
    ration = Ration(lines_max=2, span_seconds=10, monotonic=lambda: now)
    taken: dict[str, list[float]] = {"a": [], "b": []}
    asked = {"a": 0, "b": 0}
    told = {"a": 0, "b": 0}
    for pause, kind in moments:
        now += pause
        asked[kind] += 1
        omitted = ration.take(kind)
        if omitted is None:
            assert len([moment for moment in taken[kind] if moment > now - 10]) >= 2
            continue
        taken[kind].append(now)
        told[kind] += omitted + 1
        assert told[kind] == asked[kind]
        # Two spans meet at most, so no more than both hold within the length of one.
        assert len([moment for moment in taken[kind] if moment > now - 10]) <= 4


def test_warnings_become_lines() -> None:
    """A warning of Python is not a stray text between the JSON lines."""
    (line,) = read("warnings.warn('secret', RuntimeWarning)")
    assert (line["event"], line["library"]) == ("library_reported", "warnings")
    assert line["template"] == "RuntimeWarning"
    assert "secret" not in json.dumps(line)


ESCAPES = {
    "thread": "import threading; t = threading.Thread(target=fail); t.start(); t.join()",
    "finalizer": "class X:\n def __del__(self): fail()\nX()",
    "task": (
        "async def main():\n"
        " loop = asyncio.get_running_loop(); loop.set_exception_handler(handle_loop_fault)\n"
        " task = asyncio.create_task(afail()); await asyncio.sleep(0); await asyncio.sleep(0)\n"
        " del task; gc.collect()\n"
        "asyncio.run(main())"
    ),
    "callback": (
        "async def main():\n"
        " loop = asyncio.get_running_loop(); loop.set_exception_handler(handle_loop_fault)\n"
        " loop.call_soon(fail); await asyncio.sleep(0)\n"
        "asyncio.run(main())"
    ),
}


@pytest.mark.parametrize("during", ESCAPES)
def test_an_error_that_nobody_caught_is_one_line(during: str) -> None:
    """Python would write its words between the lines: they may quote a row."""
    program = f"""
import asyncio, gc
from ingestd.telemetry.faults import catch_what_escapes, handle_loop_fault
catch_what_escapes()
def fail(): raise ValueError('secret')
async def afail(): fail()
{ESCAPES[during]}
"""
    (line,) = read(program)
    assert (line["event"], line["level"]) == ("error_escaped", "error")
    assert (line["during"], line["error"]) == (during, "ValueError")
    assert "secret" not in json.dumps(line)
    assert "fail" in json.dumps(line["exception"])


def test_an_error_that_ends_the_process_is_one_line() -> None:
    """Also then a log shipper finds what it can parse."""
    program = "import ingestd.telemetry.faults as f; f.catch_what_escapes(); raise ValueError('x')"
    done = subprocess.run(
        [sys.executable, "-c", BEGIN.format(format="json", level="info") + program],
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 1
    line = json.loads(done.stderr)
    assert (line["event"], line["error"]) == ("error_escaped", "ValueError")


def test_a_field_that_is_too_long_is_cut() -> None:
    """Container engines cut lines at 16 KiB, and what was cut is no JSON any more."""
    (line,) = read(
        "get_logger('ingestd.x').info("
        "Event.FILE_CLAIMED, a='é' * 5000, b=['x'] * 300, c=[['y' * 9000]])"
    )
    assert line["a"] == "é" * 2000 + "… (5000 characters)"
    assert line["b"] == ["x"] * 200 + ["… and 100 more"]
    assert line["c"] == [["y" * 2000 + "… (9000 characters)"]]


@pytest.mark.parametrize(
    "logger",
    [
        "get_logger('ingestd.x').error('failed', exc_info=True)",
        "logging.getLogger('ingestd.x').exception('failed')",
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
        "get_logger('ingestd.x').info('a'); logging.getLogger('lib').warning('b')"
    )
    assert [line["session_id"] for line in lines] == ["s1", "s1"]


def test_the_level_keeps_the_rest_out() -> None:
    """A quiet log stays quiet, and a chatty library too."""
    program = (
        "get_logger('ingestd.x').info('a'); get_logger('ingestd.x').error('b')\n"
        "logging.getLogger('asyncssh').info('c'); logging.getLogger('asyncssh').warning('d')"
    )
    assert [line["event"] for line in read(program)] == ["a", "b", "library_reported"]
    assert [line["event"] for line in read(program, level="error")] == ["b"]


def test_a_file_name_that_is_no_text_can_be_logged() -> None:
    """A strange name must not break the log of everybody else."""
    (line,) = read("get_logger('ingestd.x').info('a', filename='\\udcff.csv', path=object)")
    assert line["filename"] == "\udcff.csv"


def test_for_people_the_log_is_text() -> None:
    """On a terminal nobody wants to read JSON."""
    (line,) = run("get_logger('ingestd.x').info('file_claimed', account='A')", log_format="console")
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
