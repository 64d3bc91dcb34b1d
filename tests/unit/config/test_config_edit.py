"""Adding an account by command: comments stay, and a mistake changes no byte."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ingestd.config.editing.examples import write_examples
from ingestd.config.editing.new_account import NewAccount, add_account
from ingestd.config.editing.replace import Change, replace_all
from ingestd.config.files.accounts_file import read_accounts
from ingestd.config.files.allowlist_file import read_allowlist
from ingestd.config.files.settings import Settings, load_settings
from ingestd.values.errors import ConfigError, StorageError, UsageError
from ingestd.values.identifiers import AccountId
from tests.public_keys import ed25519_blob, line_of

NEW = NewAccount(
    account_id="SPRINGFIELD",
    name='The "Springfield" School District',
    timezone="America/Chicago",
    currency="USD",
    networks=("203.0.113.16/28", "2001:db8:51::/48"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A config folder as `ingestd init` leaves it."""
    write_examples(tmp_path)
    return tmp_path


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_examples_load_and_hold_the_defaults(folder: Path) -> None:
    """What the example says is the default is the default."""
    settings = load_settings(folder / "ingestd.toml", {})
    assert settings == Settings(data_dir=settings.data_dir, database_url=settings.database_url)
    text = (folder / "ingestd.toml").read_text()
    for section in (settings.sftp, settings.intake, settings.http, settings.log):
        for key, field in type(section).model_fields.items():
            # What has no default stands there as it would be written.
            begin = "# " if field.default is None else ""
            assert f"\n{begin}{key} = " in text


def test_the_examples_admit_nobody(folder: Path) -> None:
    """A fresh installation is closed until an admin opens it."""
    accounts = read_accounts(folder / "accounts.toml").accounts
    assert accounts == {}
    assert read_allowlist(folder / "allowlist.toml", accounts).network_count == 0


def test_examples_never_replace_what_is_there(folder: Path) -> None:
    """`ingestd init` is safe to run twice."""
    (folder / "accounts.toml").unlink()
    (folder / "allowlist.toml").write_text("# mine\n")
    assert write_examples(folder) == (folder / "accounts.toml",)
    assert (folder / "allowlist.toml").read_text() == "# mine\n"
    assert (folder / "accounts.toml").stat().st_mode & 0o777 == 0o640


def test_a_new_account_stands_below_what_was_there(folder: Path) -> None:
    """The admin's comments and layout are the admin's."""
    before = _contents(folder)
    add_account(folder, NEW)
    add_account(folder, replace(NEW, account_id="SHELBYVILLE", networks=("10.0.0.1",)))
    after = _contents(folder)
    assert after["accounts.toml"].startswith(before["accounts.toml"])
    assert after["allowlist.toml"].startswith(before["allowlist.toml"])
    assert after.keys() == before.keys()
    accounts = read_accounts(folder / "accounts.toml").accounts
    assert accounts[AccountId("SPRINGFIELD")].name == NEW.name
    lists = read_allowlist(folder / "allowlist.toml", accounts).accounts
    assert [str(entry.network) for entry in lists[AccountId("SPRINGFIELD")]] == [*NEW.networks]


@pytest.mark.parametrize(
    ("accounts", "allowlist"),
    [
        ("# a", "# b"),
        ("\ufeff[OLD]\r\nname='x'\r\ntimezone='UTC'", "\ufeffdeny = []\r\n"),
        ("OLD = {name='x', timezone='UTC'}\n", "accounts = {OLD=['10.0.0.9']}\ndeny=[]\n"),
        ("OLD.name='x'\nOLD.timezone='UTC'\n", "accounts.OLD=['10.0.0.9']\ndeny=[] # end\n"),
        ("[OLD]\nname='x'\ntimezone='UTC'\n[OLD.policy]\n", "[accounts]\nOLD=[\n'10.0.0.9'\n]"),
    ],
)
def test_any_layout_is_edited_without_changing_what_it_says(
    folder: Path, accounts: str, allowlist: str
) -> None:
    """However the files came to be, the command works or leaves them alone."""
    (folder / "accounts.toml").write_bytes(accounts.encode())
    (folder / "allowlist.toml").write_bytes(allowlist.encode())
    old = read_accounts(folder / "accounts.toml").accounts
    add_account(folder, NEW)
    after = read_accounts(folder / "accounts.toml").accounts
    assert after.keys() == old.keys() | {NEW.account_id}
    assert after.items() > old.items()
    lists = read_allowlist(folder / "allowlist.toml", after).accounts
    assert len(lists[AccountId(NEW.account_id)]) == 2
    content = (folder / "accounts.toml").read_bytes()
    above, _, _ = content.replace(b"\r", b"").partition(b"[SPRINGFIELD]\n")
    assert above.endswith(b"\n\n")
    assert not above.endswith(b"\n\n\n")
    assert content.count(b"\n") == content.count(b"\r\n") or "\r" not in accounts


def test_several_keys_stand_on_lines_of_their_own(folder: Path) -> None:
    """Who takes a key out takes a line out."""
    keys = tuple(line_of(ed25519_blob(number)) for number in (1, 2, 3))
    one, two = replace(NEW, authorized_keys=keys[:1]), replace(NEW, authorized_keys=keys[1:])
    add_account(folder, one)
    add_account(folder, replace(two, account_id="SHELBYVILLE", networks=()))
    lines = (folder / "accounts.toml").read_text().splitlines()
    assert f'authorized_keys = ["{keys[0]}"]' in lines
    for key in keys[1:]:
        assert f'    "{key}",' in lines


@pytest.mark.parametrize(
    "allowlist",
    [
        "[accounts]\nSPRINGFIELD = [\n  '2001:db8:51::/48', # the new building\n]\n",
        "accounts.SPRINGFIELD = ['2001:db8:51::/48'] # the new building",
        "accounts = {SPRINGFIELD=['2001:db8:51::/48']} # the new building\r\n",
    ],
)
def test_addresses_that_were_listed_first_stay(folder: Path, allowlist: str) -> None:
    """Whether the address or the account comes first, neither command nor editor stands still."""
    (folder / "allowlist.toml").write_bytes(allowlist.encode())
    add_account(folder, NEW)
    accounts = read_accounts(folder / "accounts.toml").accounts
    listed = read_allowlist(folder / "allowlist.toml", accounts).accounts[AccountId("SPRINGFIELD")]
    assert [str(each.network) for each in listed] == ["2001:db8:51::/48", "203.0.113.16/28"]
    assert "# the new building" in (folder / "allowlist.toml").read_text()


def test_mode_owner_and_link_of_the_files_are_kept(folder: Path, tmp_path: Path) -> None:
    """The daemon, which runs as another user, can still read the file."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (folder / "allowlist.toml").rename(elsewhere / "list.toml")
    (folder / "allowlist.toml").symlink_to(elsewhere / "list.toml")
    (folder / "accounts.toml").chmod(0o604)
    owner = (12345, 54321) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(folder / "accounts.toml", *owner)
    add_account(folder, NEW)
    status = (folder / "accounts.toml").stat()
    assert (status.st_uid, status.st_gid) == owner
    assert status.st_mode & 0o777 == 0o604
    assert (folder / "allowlist.toml").is_symlink()
    assert NEW.networks[0] in (elsewhere / "list.toml").read_text()
    assert [path.name for path in elsewhere.iterdir()] == ["list.toml"]


@pytest.mark.parametrize(
    "account",
    [
        replace(NEW, account_id="A B"),
        replace(NEW, name=" "),
        replace(NEW, name="not utf-8: \udce9"),
        replace(NEW, timezone="Chicago"),
        replace(NEW, currency="usd"),
        replace(NEW, authorized_keys=("ssh-ed25519 AAAA",)),
        replace(NEW, networks=("203.0.113.17/28",)),
        replace(NEW, networks=("10.0.0.1", "10.0.0.1/32")),
    ],
)
def test_a_mistake_in_the_new_account_changes_no_byte(folder: Path, account: NewAccount) -> None:
    """A running daemon must never see a half-made account."""
    before = _contents(folder)
    with pytest.raises(ConfigError, match=f"account {account.account_id}"):
        add_account(folder, account)
    assert _contents(folder) == before


def test_all_mistakes_of_a_new_account_are_told_and_none_with_a_line(folder: Path) -> None:
    """Nothing was written, so there is no line to look at; and one try is enough."""
    wrong = replace(NEW, timezone="Chicago", currency="usd", networks=("10.0.0.1/8", "x"))
    with pytest.raises(ConfigError) as caught:
        add_account(folder, wrong)
    assert [(mistake.line, mistake.key) for mistake in caught.value.mistakes] == [
        (None, "SPRINGFIELD.timezone"),
        (None, "SPRINGFIELD.currency"),
        *((None, "accounts.SPRINGFIELD") for _ in wrong.networks),
    ]


def test_an_account_that_exists_is_left_alone(folder: Path) -> None:
    """A repeated command does not overwrite keys."""
    add_account(folder, NEW)
    before = _contents(folder)
    with pytest.raises(UsageError, match="exists already"):
        add_account(folder, NEW)
    assert _contents(folder) == before


def test_a_mistake_that_was_there_is_named_and_kept(folder: Path) -> None:
    """The command does not build on a file that is not in force."""
    for name in ("allowlist.toml", "accounts.toml"):
        (folder / name).write_text("everyone = 1\n")
        before = _contents(folder)
        with pytest.raises(ConfigError, match=f"^{folder / name}:1"):
            add_account(folder, NEW)
        assert _contents(folder) == before


def test_of_two_files_both_are_replaced_or_none(tmp_path: Path) -> None:
    """An account without its addresses, or these without it, is what nobody asked for."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"1")
    second.mkdir()  # nothing is renamed to where a folder stands
    changes = [Change(path=path, before=b"1", after=b"2") for path in (first, second)]
    with pytest.raises(StorageError, match=f"^Cannot write {second}: "):
        replace_all(changes)
    assert first.read_bytes() == b"1"
    assert sorted(os.listdir(tmp_path)) == ["first", "second"]
    second.rmdir()
    second.write_bytes(b"1")
    replace_all(changes)
    assert (first.read_bytes(), second.read_bytes()) == (b"2", b"2")


def test_a_file_that_cannot_be_replaced_is_told_by_its_name(folder: Path) -> None:
    """Beside a name this long none is left for the new content."""
    named = folder / ("x" * 250)
    (folder / "allowlist.toml").rename(named)
    (folder / "allowlist.toml").symlink_to(named)
    before = _contents(folder)
    with pytest.raises(StorageError, match=f"Cannot write {named}"):
        add_account(folder, NEW)
    assert _contents(folder) == before


def test_a_folder_that_cannot_be_written_is_an_error_of_the_world(tmp_path: Path) -> None:
    """A wrong path is told, not traced."""
    with pytest.raises(StorageError, match="Cannot write"):
        add_account(tmp_path / "nowhere", NEW)
