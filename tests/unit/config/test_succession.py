"""What may follow what is in force: half a save opens no door, and a copy brings nobody back."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.access.allowlist import Allowlist
from ingestd.config.files.accounts_file import AccountsFile, check_accounts
from ingestd.config.files.allowlist_file import AllowlistFile, check_allowlist
from ingestd.config.files.succession import (
    account_gaps,
    allowlist_gaps,
    left_out,
    names_in,
    without_removed,
)
from ingestd.config.judging.authorized_keys import parse_authorized_key
from ingestd.config.toml.document import parse_toml
from ingestd.service.in_force.access_files import to_allowlist
from ingestd.values.errors import ConfigError
from ingestd.values.identifiers import AccountId
from ingestd.values.public_keys import PublicKey
from tests.public_keys import RSA, RSA_1024, ed25519_blob, line_of

ACCOUNTS = ("A", "B", "C")
ADDRESSES = ("10.0.0.1", "10.0.0.2", "2001:db8::1")
KEYS = (line_of(ed25519_blob(1)), line_of(ed25519_blob(2)))
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21l$" + "A" * 43


def allowlist(text: str) -> AllowlistFile:
    return check_allowlist(parse_toml(text.encode(), where="allowlist.toml"), ACCOUNTS)


def accounts(text: str | bytes) -> AccountsFile:
    content = text if isinstance(text, bytes) else text.encode()
    return check_accounts(parse_toml(content, where="accounts.toml"))


def table(name: str, *lines: str) -> str:
    return "\n".join((f"[{name}]", f'name = "{name}"', 'timezone = "UTC"', *lines)) + "\n"


def keys_line(*keys: str) -> str:
    return "authorized_keys = [\n" + "".join(f'    "{key}",\n' for key in keys) + "]"


def in_force_after(text: str, before: AllowlistFile) -> AllowlistFile:
    """What is in force once the daemon looked at a file."""
    try:
        new = allowlist(text)
    except ConfigError:
        return before
    return before if allowlist_gaps(new, before, ACCOUNTS) else new


addresses = st.lists(st.sampled_from(ADDRESSES), unique=True)


@st.composite
def lists(draw: st.DrawFn) -> str:
    """A whole allowlist, its lists over one line or several."""

    def listed(key: str) -> str:
        separator = draw(st.sampled_from([", ", ",\n    "]))
        texts = [f'"{address}"' for address in draw(addresses)]
        return f"{key} = [{separator.join(texts)}]\n"

    names = draw(st.permutations(ACCOUNTS))[: draw(st.integers(0, len(ACCOUNTS)))]
    tops = [listed(key) for key in draw(st.permutations(["everyone", "deny"]))]
    return "".join((*tops, "[accounts]\n", *map(listed, names)))


def admitted(rules: Allowlist) -> set[tuple[str, str]]:
    return {
        (address, name)
        for address in ADDRESSES
        for name in ACCOUNTS
        if rules.admits(ip_address(address), AccountId(name))
    }


@given(before=lists(), after=lists())
def test_the_first_lines_of_a_save_neither_open_nor_close_a_door(before: str, after: str) -> None:
    """A save in two steps, cut at any line end, however long the second step takes."""
    old, new = allowlist(before), allowlist(after)
    old_doors, new_doors = admitted(to_allowlist(old)), admitted(to_allowlist(new))
    lines = after.splitlines(keepends=True)
    for count in range(len(lines)):
        half = admitted(to_allowlist(in_force_after("".join(lines[:count]), old)))
        assert half <= old_doors | new_doors
        listed = {door for door in old_doors & new_doors if AccountId(door[1]) in old.accounts}
        assert listed <= half


@pytest.mark.parametrize("key", ["everyone", "deny", "accounts"])
def test_each_list_must_be_there_once_a_list_was_in_force(key: str) -> None:
    """`deny` cut off would let in whom it names."""
    before = allowlist("everyone = []\ndeny = []\n[accounts]\nA = []\n")
    lines = {"everyone": "everyone = []", "deny": "deny = []", "accounts": "[accounts]"}
    listed = "" if key == "accounts" else "A = []\n"
    rest = "\n".join(line for name, line in lines.items() if name != key) + f"\n{listed}#\n"
    (gap,) = allowlist_gaps(allowlist(rest), before, ACCOUNTS)
    assert str(gap) == (
        f"allowlist.toml: {key}: {key} is missing. Half a save looks like this. Write {lines[key]}."
    )
    assert allowlist_gaps(allowlist(rest), None, ACCOUNTS) == ()
    assert [warning.message for warning in allowlist(rest).warnings] == [
        f"{key} is absent and counts as empty."
    ]


def test_a_file_that_is_in_force_stays_valid_as_it_is() -> None:
    """What was taken at the first start is not a mistake at the second."""
    file = allowlist('everyone = ["10.0.0.1"]\n')
    assert allowlist_gaps(file, file, ACCOUNTS) == ()


def test_an_account_leaves_the_list_with_a_word_or_with_its_account() -> None:
    """A list cut in the middle of [accounts] locks nobody out."""
    before = allowlist('everyone = []\ndeny = []\n[accounts]\nA = ["10.0.0.1"]\nB = []\n')
    without = allowlist("everyone = []\ndeny = []\n[accounts]\n")
    first, second = allowlist_gaps(without, before, ACCOUNTS)
    assert (first.where, first.key, second.key) == ("allowlist.toml", "accounts.A", "accounts.B")
    assert "A was listed" in first.message
    assert "A = []" in first.remedy
    assert allowlist_gaps(without, before, {"C"}) == ()
    with_words = allowlist("everyone = []\ndeny = []\n[accounts]\nA = []\nB = []\n")
    assert allowlist_gaps(with_words, before, ACCOUNTS) == ()


def test_a_policy_leaves_with_a_word_or_with_its_account() -> None:
    """A cut-off policy would take the file that the district wants refused."""
    policy = '[A.policy]\nfile = "all_or_nothing"\n'
    before = accounts(table("A") + policy + table("B"))
    (gap,) = account_gaps(accounts(table("A") + table("B")), before)
    assert (gap.where, gap.key) == ("accounts.toml", "A.policy")
    assert "[A.policy]" in gap.message
    assert "[A.policy]" in gap.remedy
    assert account_gaps(accounts(table("A") + "[A.policy]\n"), before) == ()
    assert account_gaps(accounts(table("B")), before) == ()
    assert account_gaps(accounts(table("A") + table("B")), None) == ()
    assert account_gaps(before, before) == ()


GOOD = (
    "# the districts\n"
    + table("A", keys_line(*KEYS), f'password_hash = "{HASH}"')
    + '[A.policy]\nfile = "all_or_nothing"\n'
    + table("B", keys_line(KEYS[0]))
)
SLIPS = ("", "colour = 1\n", "this is no TOML\n", '[C]\nname = "C\n')


def _line_of(key: PublicKey) -> str:
    return next(line for line in KEYS if parse_authorized_key(line) == key)


def keys_of(content: bytes) -> dict[str, list[str]]:
    entries = accounts(content).accounts
    return {
        name: [_line_of(key) for key in entry.authorized_keys] for name, entry in entries.items()
    }


@pytest.mark.parametrize("slip", SLIPS)
def test_who_was_taken_out_stays_out_though_the_file_has_a_mistake(slip: str) -> None:
    """A start with a mistake uses the copy, which knows nothing of what was revoked since."""
    edited = table("A", keys_line(KEYS[1])) + '[A.policy]\nfile = "all_or_nothing"\n' + slip
    kept = without_removed(GOOD.encode(), edited.encode())
    assert keys_of(kept) == {"A": [KEYS[1]]}
    entry = accounts(kept).accounts[AccountId("A")]
    assert entry.password_hash is None
    assert entry.policy.file == "all_or_nothing"


@pytest.mark.parametrize("slip", SLIPS)
def test_a_key_that_is_commented_out_is_taken_out(slip: str) -> None:
    """Many put a # before what shall not count; the same key still opens the other account."""
    edited = GOOD.replace(f'    "{KEYS[0]}",', f'  #  "{KEYS[0]}",', 1) + slip
    assert keys_of(without_removed(GOOD.encode(), edited.encode())) == {
        "A": [KEYS[1]],
        "B": [KEYS[0]],
    }


@pytest.mark.parametrize("slip", SLIPS)
def test_a_mistake_alone_takes_nobody_out(slip: str) -> None:
    """A reboot at night with a slip in the file closes no door."""
    edited = GOOD.replace("# the districts", "# all districts") + slip
    assert without_removed(GOOD.encode(), edited.encode()) == GOOD.encode()


def test_nobody_comes_back_when_nobody_of_before_is_left() -> None:
    """A district that was replaced by another, with a slip in the new one, stays out."""
    for slip in SLIPS:
        kept = without_removed(GOOD.encode(), (table("NEW", 'zone = "UTC"') + slip).encode())
        assert keys_of(kept) == {}
        assert left_out(GOOD.encode(), kept) == ("account A", "account B")


@pytest.mark.parametrize("heading", ["[A", "[ A ", '["A"', "[A.policy"])
def test_a_slip_in_a_heading_takes_nobody_out(heading: str) -> None:
    """One bracket less, and a reboot, must not keep a district out."""
    edited = GOOD.replace("[A]", heading, 1)
    assert without_removed(GOOD.encode(), edited.encode()) == GOOD.encode()


@given(place=st.integers(0, 67), letter=st.sampled_from("Aa0+/"), doubled=st.booleans())
def test_a_slip_in_a_key_takes_nobody_out(place: int, letter: str, doubled: bool) -> None:
    """A letter lost in copying is told, and the key of before goes on working."""
    material = KEYS[1].split()[1]
    spoilt = material[:place] + letter * (1 + doubled) + material[place + 1 :]
    edited = GOOD.replace(material, spoilt) + "colour = 1\n"
    assert without_removed(GOOD.encode(), edited.encode()) == GOOD.encode()


def test_a_slip_in_a_long_key_takes_nobody_out_either() -> None:
    """Two letters lost of hundreds; another key of the same kind is no slip of it."""
    key = line_of(RSA)
    good = table("A", keys_line(key)).encode()
    spoilt = good.replace(key[60:62].encode(), b"", 1) + b"colour = 1\n"
    assert without_removed(good, spoilt) == good
    other = good.replace(key.encode(), line_of(RSA_1024).encode()) + b"colour = 1\n"
    assert keys_of(without_removed(good, other)) == {"A": []}


@pytest.mark.parametrize("slip", SLIPS)
def test_how_the_file_is_encoded_takes_nobody_out(slip: str) -> None:
    """An editor's byte order mark, or an umlaut of another encoding in a comment, is no word."""
    for edited in (b"\xef\xbb\xbf" + GOOD.encode(), b"# M\xfcller\n" + GOOD.encode()):
        assert without_removed(GOOD.encode(), edited + slip.encode()) == GOOD.encode()
    with_mark = b"\xef\xbb\xbf" + GOOD.encode()
    kept = without_removed(with_mark, (table("B", keys_line(KEYS[0])) + slip).encode())
    assert keys_of(kept) == {"B": [KEYS[0]]}
    assert left_out(with_mark, kept) == ("account A",)


def test_a_password_that_stays_is_not_told_of() -> None:
    """Only what was taken away is."""
    edited = GOOD.replace(f'    "{KEYS[0]}",\n', "", 1) + "this is no TOML\n"
    kept = without_removed(GOOD.encode(), edited.encode())
    assert left_out(GOOD.encode(), kept) == ("1 key(s) of A",)


def test_what_names_no_account_takes_nobody_out() -> None:
    """Another file under this name, or one of comments alone, is nobody's decision."""
    for text in ("garbage\n", "<html>\n", "\x00\n", "colour = 1\n", "# [A]\n[[\n"):
        assert without_removed(GOOD.encode(), text.encode()) == GOOD.encode()


def test_what_is_left_out_is_told_without_saying_what_it_is() -> None:
    """The operator hears at once whose access a start with a mistake takes away."""
    edited = table("A", keys_line(KEYS[1])) + "[A.policy]\ncolour = 1\n"
    kept = without_removed(GOOD.encode(), edited.encode())
    assert left_out(GOOD.encode(), kept) == ("1 key(s) of A", "the password of A", "account B")
    assert names_in(edited.encode()) == {"A"}


@given(length=st.integers(0, len(GOOD)))
def test_a_file_that_was_cut_off_takes_nobody_out(length: int) -> None:
    """Lost power while a file is saved is no decision of anybody's."""
    assert without_removed(GOOD.encode(), GOOD.encode()[:length]) == GOOD.encode()
