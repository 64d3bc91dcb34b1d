"""Addresses, keys and policies changed one at a time: what is asked for, and nothing else."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from ingestd.config.editing.account_values import with_key, with_policy, without_key
from ingestd.config.editing.layout import Text, as_saved, parse_with_layout
from ingestd.config.editing.networks import with_networks, without_network
from ingestd.config.judging.authorized_keys import parse_authorized_key
from ingestd.values.errors import ConfigError, UsageError
from tests.public_keys import ed25519_blob, line_of

LISTS = """# ours
everyone = ["10.0.0.1"] # all
deny = []

[accounts]
A = ["192.0.2.0/24", 5, "2001:db8::/32"] # the office
"""
KEYS = [line_of(ed25519_blob(number)) for number in (1, 2, 3)]
PRINTS = [parse_authorized_key(line).fingerprint for line in KEYS]
ACCOUNTS = f"""# ours
[A]
name = "x" # the name
authorized_keys = ["no key", "{KEYS[0]}", "{KEYS[1]}"]

[B]
name = "y"
[B.policy]
file = "partial" # as agreed
"""

UNUSUAL = r"^the file: the layout of this file is too unusual to edit by command\."


def text(content: str) -> Text:
    return Text("the file", content.encode())


def values(content: bytes) -> dict[str, Any]:
    return tomllib.loads(content.decode("utf-8-sig"))


@pytest.mark.parametrize(
    ("listed_in", "added", "before", "after"),
    [
        ("everyone", "::1", '["10.0.0.1"]', '["10.0.0.1", "::1"]'),
        ("deny", "::1", "deny = []", 'deny = ["::1"]'),
        ("accounts.A", "::1", '"2001:db8::/32"]', '"2001:db8::/32", "::1"]'),
        ("accounts.B", "::1", "# the office\n", '# the office\nB = ["::1"]\n'),
        ("accounts.a.b", "::1", "# the office\n", '# the office\n"a.b" = ["::1"]\n'),
    ],
)
def test_an_address_is_put_at_the_end_of_its_list(
    listed_in: str, added: str, before: str, after: str
) -> None:
    """Comments and layout are the admin's."""
    present = values(LISTS.encode()).get(listed_in, ["192.0.2.0/24"])
    changed = with_networks(text(LISTS), listed_in, [*present, added])
    if listed_in in {"accounts.B", "accounts.a.b"}:
        changed = with_networks(text(LISTS), listed_in, [added])
    assert changed.decode() == LISTS.replace(before, after)


def test_what_is_listed_already_changes_no_byte() -> None:
    """A form that is sent twice adds nothing twice."""
    content = LISTS.replace("\n", "\r\n")
    assert with_networks(text(content), "everyone", ["10.0.0.1"]) == content.encode()
    assert with_networks(text(content), "deny", []) == content.encode()


@pytest.mark.parametrize(
    ("content", "absent"),
    [
        ("# nothing yet", {"everyone": [], "deny": []}),
        ("\ufeffdeny = ['::2']\r\n[accounts]\r\n", {"everyone": []}),
        ("everyone = []\n\n[accounts]\nB = []\n", {"deny": []}),
    ],
)
def test_lists_that_count_as_empty_are_written_down(content: str, absent: dict[str, Any]) -> None:
    """A changed file that lacks one is refused, as half a save would be."""
    changed = with_networks(text(content), "accounts.A", ["10.0.0.1"])
    before = values(content.encode())
    accounts = {**before.get("accounts", {}), "A": ["10.0.0.1"]}
    assert values(changed) == {**before, **absent, "accounts": accounts}
    assert changed.startswith("\ufeff".encode()) == content.startswith("\ufeff")
    assert changed.count(b"\r") == (changed.count(b"\n") if "\r" in content else 0)


@pytest.mark.parametrize("listed_in", ["", "accounts", "accounts.", "everyone.A", "x", "denied"])
def test_what_is_no_list_is_refused(listed_in: str) -> None:
    """An address that was typed by hand opens nothing."""
    told = f"^'{listed_in}' is no list of addresses"
    with pytest.raises(UsageError, match=told):
        with_networks(text(LISTS), listed_in, ["::1"])
    with pytest.raises(UsageError, match=told):
        without_network(text(LISTS), listed_in, "::1")


@pytest.mark.parametrize(
    ("content", "listed_in"),
    [
        ("everyone = 5\ndeny = []\n[accounts]\n", "everyone"),
        ("everyone = {a = 1}\ndeny = []\n[accounts]\n", "everyone"),
        ("everyone = []\ndeny = []\naccounts = 5\n", "accounts.A"),
        ("everyone = []\ndeny = []\naccounts = []\n", "accounts.A"),
    ],
)
def test_a_list_that_is_none_is_left_to_an_editor(content: str, listed_in: str) -> None:
    """Nothing is guessed about a file that is not in force."""
    with pytest.raises(ConfigError, match=UNUSUAL) as caught:
        with_networks(text(content), listed_in, ["::1"])
    [mistake] = caught.value.mistakes
    assert (mistake.line, mistake.key) == (None, "")
    assert mistake.remedy == "Make the change with an editor; `ingestd config check` checks it."


@pytest.mark.parametrize(
    ("listed_in", "taken", "before", "after"),
    [
        ("everyone", "10.0.0.1/32", '["10.0.0.1"]', "[]"),
        ("accounts.A", "192.0.2.0/24", '"192.0.2.0/24", 5, ', "5, "),
        ("accounts.A", "2001:DB8::/32", ', "2001:db8::/32"', ""),
    ],
)
def test_an_address_is_taken_out_however_it_is_written(
    listed_in: str, taken: str, before: str, after: str
) -> None:
    """The list stays, empty if need be: a list that vanishes is a mistake."""
    changed = without_network(text(LISTS), listed_in, taken)
    assert changed.decode() == LISTS.replace(before, after)


@pytest.mark.parametrize(("listed_in", "network"), [("deny", "10.0.0.1"), ("accounts.B", "::1")])
def test_an_address_that_is_not_there_any_more_is_told(listed_in: str, network: str) -> None:
    """Somebody else was quicker."""
    told = f"^{network} does not stand in {listed_in} of the file any more.$"
    with pytest.raises(UsageError, match=told):
        without_network(text(LISTS), listed_in, network)
    with pytest.raises(UsageError, match="does not stand in everyone"):
        without_network(text(LISTS), "everyone", "no address")


def test_a_key_is_put_below_the_others() -> None:
    """Who had a key before has it still."""
    changed = with_key(text(ACCOUNTS), "A", f" {KEYS[2]}\n")
    assert changed.decode() == ACCOUNTS.replace(f'{KEYS[1]}"]', f'{KEYS[1]}", "{KEYS[2]}"]')
    first = values(with_key(text(ACCOUNTS), "B", KEYS[2]))
    before = values(ACCOUNTS.encode())
    assert first == {**before, "B": {**before["B"], "authorized_keys": [KEYS[2]]}}


def test_a_key_is_taken_out_by_its_fingerprint() -> None:
    """The one that was lost, and no other."""
    for number in (0, 1):
        changed = values(without_key(text(ACCOUNTS), "A", PRINTS[number]))
        assert changed["A"]["authorized_keys"] == ["no key", KEYS[1 - number]]
        assert changed["B"] == values(ACCOUNTS.encode())["B"]
    assert b"# the name" in without_key(text(ACCOUNTS), "A", PRINTS[0])
    for account in ("A", "B"):
        told = f"^No key of {account} has the fingerprint {PRINTS[2]} any more.$"
        with pytest.raises(UsageError, match=told.replace("+", r"\+")):
            without_key(text(ACCOUNTS), account, PRINTS[2])


@pytest.mark.parametrize(
    ("key", "written", "value"),
    [
        ("file", "all_or_nothing", "all_or_nothing"),
        ("delimiter", ";", ";"),
        ("resume", "true", True),
        ("resume", "false", False),
        ("resume", "yes", "yes"),
        ("ignore_columns", " School \r\n\r\nRoom\n", ["School", "Room"]),
        ("ignore_columns", "", []),
    ],
)
def test_a_policy_is_written_as_it_is_kept(key: str, written: str, value: object) -> None:
    """What is wrong with it is for the file's judge; what stands beside it stays."""
    before = values(ACCOUNTS.encode())
    for account in ("A", "B"):
        changed = with_policy(text(ACCOUNTS), account, key, written)
        policy = {**before[account].get("policy", {}), key: value}
        assert values(changed) == {**before, account: {**before[account], "policy": policy}}
        assert b"# the name" in changed
        assert b"# as agreed" in changed


def test_what_is_not_there_is_told() -> None:
    """An account that was removed meanwhile is not made anew."""
    with pytest.raises(UsageError, match=r"^'price' is no policy\."):
        with_policy(text(ACCOUNTS), "A", "price", "1")
    for account in ("C", "D"):
        told = f"^There is no account {account} in the file any more"
        with pytest.raises(UsageError, match=told):
            with_policy(text(f"D = 5\n{ACCOUNTS}"), account, "file", "partial")
        with pytest.raises(UsageError, match=told):
            with_key(text(f"D = 5\n{ACCOUNTS}"), account, KEYS[0])
        with pytest.raises(UsageError, match=told):
            without_key(text(f"D = 5\n{ACCOUNTS}"), account, PRINTS[0])


@pytest.mark.parametrize(
    "content",
    [
        'A = {name = "x"}\n',
        "[A]\nauthorized_keys = 5\npolicy = 5\n",
        "A.policy = 5\nA.authorized_keys = {}\n",
    ],
)
def test_an_account_in_a_layout_of_its_own_is_left_to_an_editor(content: str) -> None:
    """Nothing is written that could not be read back as it was meant."""
    file = text(content)
    with pytest.raises(ConfigError, match=UNUSUAL):
        with_key(file, "A", KEYS[0])
    with pytest.raises(ConfigError, match=UNUSUAL):
        without_key(file, "A", PRINTS[0])
    with pytest.raises(ConfigError, match=UNUSUAL):
        with_policy(file, "A", "file", "partial")


def test_a_file_that_is_none_is_told_with_its_line() -> None:
    """The mistake is the admin's to correct, and is told as the daemon tells it."""
    with pytest.raises(ConfigError, match=r"^the file:2"):
        with_networks(text("deny = []\neveryone = [\n"), "deny", ["::1"])
    with pytest.raises(ConfigError, match=r"^the file:1"):
        with_key(text("A =\n"), "A", KEYS[0])
    with pytest.raises(ConfigError, match=r"^the file: the file is empty"):
        without_network(text("\ufeff"), "deny", "::1")
    with pytest.raises(ConfigError, match=r"^the file:2"):
        parse_with_layout(text("A = 1\nA =\n"))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_what_somebody_typed_is_saved_as_the_file_was(end: str, mark: str) -> None:
    """A browser sends CRLF whatever stands in the file."""
    before = f"{mark}a = 1{end}".encode()
    saved = as_saved("a = 2\r\nb = 3\rc = 4\n\udce9", before)
    assert saved == f"{mark}a = 2{end}b = 3{end}c = 4{end}".encode() + b"\xe9"
