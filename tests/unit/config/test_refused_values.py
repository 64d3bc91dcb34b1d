"""What is said of a value that cannot be: what is wrong with it, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.config.files.environment import read_overrides
from ingestd.config.files.settings import Settings
from ingestd.config.judging.values import (
    ListenAddress,
    parse_archive_url,
    parse_command,
    parse_database_url,
    parse_file,
    parse_folder,
    parse_host,
    parse_ledger_name,
    parse_listen,
    parse_mail_address,
    parse_network,
    parse_size,
)
from ingestd.config.toml.mistakes import SHOWN_CHARACTERS_MAX, InvalidValueError, shown, suggest

BASE = Path("/etc/ingestd")
SECRET = "sesame"


def database_url(value: object) -> str:
    return parse_database_url(value, base=BASE)


def folder(value: object) -> Path:
    return parse_folder(value, base=BASE)


def file(value: object) -> Path:
    return parse_file(value, base=BASE)


REFUSED: Mapping[Callable[[object], object], tuple[object, ...]] = {
    parse_size: ("5 parsecs", None, True, 1.5, "-1 B"),
    parse_listen: (22, "host", "host:", "h:65536", "h:-1", "h:²", "::1:22", "[x]:22", "a b:22"),
    parse_network: (
        *(5, "x", "203.0.113.17/28", "::ffff:203.0.113.0/120", " 10.0.0.1", "10.0.0.0/255.0.0.0"),
        *("2001:db8::1/32", "::ffff:203.0.113.7"),
    ),
    database_url: (
        *(5, "", "x", "oracle://x", "sqlite://", "sqlite:///", "sqlite:///:memory:"),
        *("sqlite:///x.db?mode=memory", "sqlite://x.db", "postgresql://h:x/d", "postgres://h:0/d"),
        *(f"postgresql://u:{SECRET}@h:x/d", f"oracle://u:{SECRET}@h/d://"),
    ),
    parse_archive_url: (
        *(5, "", "bucket", "https://bucket", "s3://bucket?a=b", "s3://bucket#a", "s3://[", "s3://"),
        *("s3://Bucket", "s3://ab..cd", f"s3://{SECRET}@bucket", f"s3://bucket/{SECRET} 1"),
        *("s3://bucket/a//b", "s3://bucket/../b", "s3://bucket/a/."),
    ),
    parse_host: (5, "", "smtp:25", "a b", "-a", "smtp."),
    parse_mail_address: (5, "", "x", "a@b, c@d"),
    parse_ledger_name: (5, "", "a/b", "-a", "a b", "é", "x" * 254),
    parse_command: (5, "", (), [""], ["a", 5], '"open', ["a\0b"]),
    folder: (5, "", "a\0b", "a?b"),
    file: (5, "", "a\nb"),
}


@pytest.mark.parametrize(
    ("parse", "value"), [(parse, value) for parse, values in REFUSED.items() for value in values]
)
def test_a_refusal_says_what_is_wrong_and_what_can_be_written(
    parse: Callable[[object], object], value: object
) -> None:
    """An admin who does as told is not refused again, and a password is told to nobody."""
    with pytest.raises(InvalidValueError) as caught:
        parse(value)
    message, remedy = caught.value.message, caught.value.remedy
    assert str(caught.value) == message
    assert re.fullmatch(r"\S.*\.", message)
    assert message.startswith("must be") or remedy
    assert re.fullmatch(r"[A-Z](?!XX).*\.|", remedy)
    for written in set(re.findall(r'"([^"…]+)"', remedy)) - {"host:port"}:
        parse(written)
    assert SECRET not in message + remedy
    if parse in {parse_size, parse_listen, parse_network, parse_mail_address, parse_ledger_name}:
        assert message.startswith(f"{shown(value)} ")


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("/bin/keep --safe", ("/bin/keep", "--safe")),
        ("keep 'in this room'", ("keep", "in this room")),
        (["keep", "in this room", "$HOME"], ("keep", "in this room", "$HOME")),
        (("keep",), ("keep",)),
    ],
)
def test_a_command_is_a_text_or_its_words(written: object, words: tuple[str, ...]) -> None:
    """A path with a space in it reaches the program as one word, and no shell reads any."""
    assert parse_command(written) == words


@given(
    st.sampled_from(["localhost", "sftp.example.org", "0.0.0.0", "::", "2001:db8::1"]),
    st.integers(0, 65535),
)
def test_a_listening_address_is_read_as_it_is_shown(host: str, port: int) -> None:
    """What the log says the daemon listens on can be pasted into the file."""
    address = ListenAddress(host=host, port=port)
    assert parse_listen(str(address)) == address
    assert parse_listen(address) is address
    assert parse_listen("h:65535").port == 65535


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_a_network_is_read_as_it_is_shown(address: object, prefix: int) -> None:
    """What a message shows is what the file may hold, to the last bit."""
    network = IPv4Network(f"{address}/{prefix}", strict=False)
    assert parse_network(str(network)) == network
    assert parse_network(str(address)) == IPv4Network(f"{address}/32")
    assert parse_network(network) is network


def test_ipv4_inside_ipv6_is_corrected_to_the_network_that_was_meant() -> None:
    """Its prefix counts from the 96 bits that say "IPv4"."""
    for written, meant in [
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:0.0.0.0/96", "0.0.0.0/0"),
    ]:
        with pytest.raises(InvalidValueError) as caught:
            parse_network(written)
        assert f'"{meant}"' in caught.value.remedy
    assert parse_network("2001:db8::/32") == IPv6Network("2001:db8::/32")


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("sqlite:///l.db", f"sqlite:///{BASE}/l.db"),
        ("sqlite:////var/l.db", "sqlite:////var/l.db"),
        ("sqlite:///l.db?timeout=5", f"sqlite:///{BASE}/l.db?timeout=5"),
        ("postgresql://h/d", "postgresql+psycopg://h/d"),
        ("postgresql://h:1/d", "postgresql+psycopg://h:1/d"),
        ("postgres://u@h:1/d?a=x://y", "postgresql+psycopg://u@h:1/d?a=x://y"),
    ],
)
def test_a_database_url_keeps_what_stands_behind_its_scheme(written: str, url: str) -> None:
    """Options of the driver are the operator's business."""
    assert database_url(written) == url


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (5, "this is not a database URL."),
        ("ledger.db", "this is not a database URL."),
        (f"oracle://u:{SECRET}@h/d", '"oracle" is not a database that ingestd works with.'),
    ],
)
def test_what_is_no_url_of_a_database_is_told(written: object, said: str) -> None:
    """Nobody looks for a slip in a password when the scheme is wrong."""
    with pytest.raises(InvalidValueError) as caught:
        database_url(written)
    assert caught.value.message == said


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("s3://bucket", "s3://bucket"),
        ("S3://bucket/", "s3://bucket"),
        ("s3://my.bucket-1//A_b.c/X/", "s3://my.bucket-1/A_b.c/X"),
        ("s3://bucket/X", "s3://bucket/X"),
    ],
)
def test_an_archive_is_a_bucket_or_what_is_below_a_prefix_in_it(written: str, url: str) -> None:
    """However many slashes somebody writes, all nodes mean one place."""
    assert parse_archive_url(written) == url


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (5, "this is not the URL of an archive."),
        ("http://bucket", "this is not the URL of an archive."),
        ("s3://a_b", "this names no bucket."),
        ("s3://bucket/é", "the prefix has other characters than letters, digits, "),
    ],
)
def test_what_is_no_url_of_an_archive_is_told(written: object, said: str) -> None:
    """Which part is wrong, and never the whole: it may hold a key."""
    with pytest.raises(InvalidValueError) as caught:
        parse_archive_url(written)
    assert caught.value.message.startswith(said)


def test_folders_are_resolved_and_files_are_not(tmp_path: Path) -> None:
    """A linked data folder is one folder; a secret that a tool swaps by a link stays a link."""
    (tmp_path / "link").symlink_to(tmp_path)
    assert parse_folder("link/data", base=tmp_path) == tmp_path / "data"
    assert parse_file("link/data", base=tmp_path) == tmp_path / "link" / "data"


def test_a_folder_with_a_question_mark_is_shown_as_it_was_found(tmp_path: Path) -> None:
    """The mark may stand in a folder above, or behind a link."""
    with pytest.raises(InvalidValueError) as caught:
        parse_folder("x?y", base=tmp_path)
    assert caught.value.message.startswith(f"{shown(str(tmp_path / 'x?y'))} contains a question")


@pytest.mark.parametrize("host", ["smtp.example.org", "localhost", "10.0.0.1", "::1"])
def test_a_host_may_be_a_name_or_an_address(host: str) -> None:
    """Not every school's mail server has a name."""
    assert parse_host(host) == host


@given(st.text(max_size=200))
def test_what_is_shown_of_a_value_is_short_and_harmless(text: str) -> None:
    """A terminal obeys control characters, wherever they come from."""
    told = shown(text)
    assert told.isprintable()
    assert len(told) <= SHOWN_CHARACTERS_MAX
    assert told.endswith('"') or len(told) == SHOWN_CHARACTERS_MAX
    if text.isprintable() and len(text) <= 20 and not set(text) & set('"\\'):
        assert told == f'"{text}"'


def test_what_is_cut_is_cut_at_its_end() -> None:
    """Its beginning is what an admin looks for in the file."""
    fits = "é" * (SHOWN_CHARACTERS_MAX - 2)
    assert shown(fits) == f'"{fits}"'
    assert shown(fits + "x") == f'"{fits}…'
    assert shown("\x1b\u202e") == '"\\u001b\\u202e"'
    assert shown(Path("/x")) == '"/x"'


@pytest.mark.parametrize(
    ("name", "known", "remedy"),
    [
        ("shutdown_secs", ["shutdown_seconds", "data_dir"], "Did you mean shutdown_seconds?"),
        ("DATA_DIR", ["data_dir", "Data"], "Did you mean data_dir?"),
        ("springfeild", ["SPRINGFIELD"], "Did you mean SPRINGFIELD?"),
        ("zzz", ["b", "a"], "Known here: a, b."),
        ("zzz", [f"k{number:02}" for number in range(17)], ""),
        ("k", [], ""),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_or_with_the_known(
    name: str, known: list[str], remedy: str
) -> None:
    """A slip is found at a glance; a list that nobody would read is not given."""
    assert suggest(name, known) == remedy


def test_fourteen_known_names_are_still_listed() -> None:
    """As many as fit into a message."""
    known = [f"k{number:02}" for number in range(16)]
    assert suggest("zzz", known) == f"Known here: {', '.join(known)}."


def test_each_variable_is_told_by_its_own_name() -> None:
    """A mistake in the environment is looked for there, and each variable counts alone."""
    overrides = read_overrides(
        Settings,
        {
            "INGESTD_LOG__LEVEL": "debug",
            "INGESTD_INTAKE__WORKERS": "3",
            "INGESTD_SFTP__LISTEN": '["h:1"',
            "INGESTD_HTTP__LISTEN": "1",
            "INGESTD_CONFIG": "x",
            "INGESTD_ZZZ": "1",
            "INGESTD_LOG__LEVL": "1",
            "XINGESTD_LOG__FORMAT": "json",
            "INGESTD_SHUTDOWN_SECONDS": "",
            "INGESTD_SERVICE_PORT_SFTP": "22",
        },
    )
    assert overrides.values == {
        ("log", "level"): "debug",
        ("intake", "workers"): 3,
        ("sftp", "listen"): '["h:1"',
        ("http", "listen"): "1",
    }
    assert overrides.variables == {
        ("log", "level"): "INGESTD_LOG__LEVEL",
        ("intake", "workers"): "INGESTD_INTAKE__WORKERS",
        ("sftp", "listen"): "INGESTD_SFTP__LISTEN",
        ("http", "listen"): "INGESTD_HTTP__LISTEN",
    }
    assert [(mistake.where, mistake.line, mistake.key) for mistake in overrides.mistakes] == [
        ("INGESTD_LOG__LEVL", None, ""),
        ("INGESTD_ZZZ", None, ""),
    ]
    assert str(overrides.mistakes[0]).endswith("Did you mean INGESTD_LOG__LEVEL?")
    assert str(overrides.mistakes[1]).endswith("INGESTD_<SECTION>__<KEY>.")
