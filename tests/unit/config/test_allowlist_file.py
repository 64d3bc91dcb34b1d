"""allowlist.toml, the file that admins edit: every mistake with its line and its correction."""

from __future__ import annotations

import hashlib
from ipaddress import ip_network
from pathlib import Path

import pytest

from ingestd.config.files.allowlist_file import AllowlistFile, read_allowlist
from ingestd.values.errors import ConfigError
from ingestd.values.identifiers import AccountId

KNOWN = {"SPRINGFIELD", "SHELBYVILLE"}


def _read(folder: Path, text: str, known: set[str] | None = KNOWN) -> AllowlistFile:
    path = folder / "allowlist.toml"
    path.write_text(text)
    return read_allowlist(path, known)


def _mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        _read(folder, text)
    where = f"{folder}/allowlist.toml:"
    return [str(mistake).removeprefix(where) for mistake in caught.value.mistakes]


def test_every_network_keeps_its_line(tmp_path: Path) -> None:
    """`allowlist test` names the line that decides."""
    file = _read(
        tmp_path,
        'everyone = ["10.0.0.1"]\ndeny = [\n  "10.0.0.0/8",\n  "::1",\n]\n'
        '[accounts]\nSPRINGFIELD = ["203.0.113.16/28"]\nSHELBYVILLE = []\n',
    )
    assert [(entry.network, entry.line) for entry in (*file.everyone, *file.deny)] == [
        (ip_network("10.0.0.1/32"), 1),
        (ip_network("10.0.0.0/8"), 3),
        (ip_network("::1/128"), 4),
    ]
    (listed,) = file.accounts[AccountId("SPRINGFIELD")]
    assert (listed.network, listed.line) == (ip_network("203.0.113.16/28"), 7)
    assert file.network_count == 4


def test_every_mistake_is_told_at_once_with_the_corrected_line(tmp_path: Path) -> None:
    """The door is mended in one go, while the last good list stays in force."""
    found = _mistakes(
        tmp_path,
        'evryone = []\neveryone = ["203.0.113.17/28", 5,\n  "localhost"]\n'
        'deny = ["10.0.0.0/8", "10.0.0.0/8", "x", "::/0"]\n'
        '[accounts]\nSPRINGFILD = ["10.0.0.1"]\nSHELBYVILLE = "10.0.0.1/32"\nOTHER = [["x"]]\n',
    )
    such_as = 'Write a text such as "203.0.113.16/28" or "2001:db8:51::/48".'
    assert found == [
        "1: evryone: unknown key. Did you mean everyone?",
        (
            '2: everyone: "203.0.113.17/28" has host bits set. Write "203.0.113.16/28", or '
            '"203.0.113.17" for that one address.'
        ),
        f"2: everyone: 5 is not an address or network. {such_as}",
        f'3: everyone: "localhost" is not an address or network. {such_as}',
        (
            "4: deny: 10.0.0.0/8 stands here for the second time; first on line 4. Remove one of "
            "the two."
        ),
        f'4: deny: "x" is not an address or network. {such_as}',
        (
            '6: accounts.SPRINGFILD: "SPRINGFILD" is no account of accounts.toml. Did you mean '
            "SPRINGFIELD?"
        ),
        '7: accounts.SHELBYVILLE: must be a list. Write SHELBYVILLE = ["10.0.0.1/32"].',
        f'8: accounts.OTHER: ["x"] is not an address or network. {such_as}',
        (
            '8: accounts.OTHER: "OTHER" is no account of accounts.toml. Known here: SHELBYVILLE, '
            "SPRINGFIELD."
        ),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("accounts = []", "accounts: must be a table. Write [accounts] on a line of its own."),
        ("everyone = {}", 'everyone: must be a list. Write everyone = ["203.0.113.16/28"].'),
        ("[deny]\nx = 1", 'deny: must be a list. Write deny = ["203.0.113.16/28"].'),
        ("everyone_is_allowed = 1", "everyone_is_allowed: must be true or false, without quotes."),
    ],
)
def test_what_is_of_the_wrong_kind_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """A list in the wrong place must not silently mean nothing."""
    assert _mistakes(tmp_path, text) == [f"1: {told}"]


def test_lists_that_are_absent_are_told_with_the_line_that_says_so(tmp_path: Path) -> None:
    """An empty list is written down, so that a save cut in two is not taken for one."""
    path = tmp_path / "allowlist.toml"
    path.write_text("everyone_is_allowed = false\n")
    file = read_allowlist(path, KNOWN)
    assert file.absent == ("everyone", "deny", "accounts")
    assert [str(warning) for warning in file.warnings] == [
        f"{path}: everyone is absent and counts as empty. Write everyone = [].",
        f"{path}: deny is absent and counts as empty. Write deny = [].",
        f"{path}: accounts is absent and counts as empty. Write [accounts].",
    ]
    assert (file.content, file.where) == (path.read_bytes(), str(path))
    assert file.sha256 == hashlib.sha256(file.content).hexdigest()


def test_names_go_unchecked_while_the_accounts_cannot_be_read(tmp_path: Path) -> None:
    """One mistake in accounts.toml is not followed by a hundred that are none."""
    file = _read(tmp_path, '[accounts]\nANY = ["10.0.0.1"]\n', known=None)
    assert AccountId("ANY") in file.accounts


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path: Path) -> None:
    """A file from elsewhere cannot move an admin's cursor."""
    (mistake,) = _mistakes(tmp_path, '"a\\u001b[2J" = ["\\u001b"]\n')
    assert "\x1b" not in mistake


WIDE = ("0.0.0.0/0", "128.0.0.0/7", "::/0", "2001::/18", "fc00::/6")
NARROW = ("10.0.0.0/8", "203.0.0.0/8", "2001:2000::/19", "fc00::/7", "fe80::/10", "fd00::/8")


@pytest.mark.parametrize("network", WIDE)
@pytest.mark.parametrize("place", ["everyone = {}", "[accounts]\nSPRINGFIELD = {}"])
def test_a_large_part_of_the_world_is_let_in_by_a_word_only(
    tmp_path: Path, place: str, network: str
) -> None:
    """A prefix that lost its second digit is told; whoever means it can say so."""
    text = place.format(f'["{network}"]') + "\n"
    (mistake,) = _mistakes(tmp_path, text)
    key = "everyone" if place.startswith("everyone") else "accounts.SPRINGFIELD"
    assert mistake == (
        f"{text.count(chr(10))}: {key}: {network} holds a large part of all addresses there are. "
        "Write a longer prefix, or everyone_is_allowed = true at the top of the file."
    )
    assert _read(tmp_path, "everyone_is_allowed = true\n" + text).network_count == 1
    assert len(_mistakes(tmp_path, "everyone_is_allowed = false\n" + text)) == 1


@pytest.mark.parametrize("network", NARROW)
def test_what_one_party_can_own_needs_no_word(tmp_path: Path, network: str) -> None:
    """Private ranges are nobody's in the world, however wide they are."""
    assert _read(tmp_path, f'everyone = ["{network}"]\n').network_count == 1


@pytest.mark.parametrize("network", WIDE)
def test_anything_may_be_denied(tmp_path: Path, network: str) -> None:
    """Shutting out too many is seen at once, and harms nobody."""
    assert _read(tmp_path, f'deny = ["{network}"]\n').network_count == 1


def test_the_word_is_true_or_false(tmp_path: Path) -> None:
    """A text in quotes would be taken for yes by a careless reader."""
    (mistake,) = _mistakes(tmp_path, 'everyone_is_allowed = "false"\n')
    assert "true or false" in mistake


def test_an_account_of_former_days_is_a_warning(tmp_path: Path) -> None:
    """Taking an account out of accounts.toml never waits for the other file."""
    path = tmp_path / "allowlist.toml"
    path.write_text('[accounts]\nCLOSED = ["10.0.0.1"]\n')
    file = read_allowlist(path, KNOWN, former_accounts={"CLOSED"})
    (warning,) = [warning for warning in file.warnings if "CLOSED" in warning.key]
    assert str(warning).removeprefix(str(path)) == (
        ':2: accounts.CLOSED: "CLOSED" is no account in force; its addresses admit nobody. Take '
        "the line out, unless the account is to come."
    )
