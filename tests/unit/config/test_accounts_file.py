"""accounts.toml: what is taken, and every way in which it can be wrong."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ingestd.config.files.accounts_file import ACCOUNTS_MAX, read_accounts
from ingestd.sftp.tree.places import FolderName
from ingestd.values.errors import ConfigError
from ingestd.values.identifiers import RESERVED_ACCOUNT_IDS, AccountId
from tests.public_keys import ed25519_blob, line_of

HASH = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21l$c29tZWhhc2hzb21laGFzaHNvbWVoYXNoc29tZWhhc2g"
DISTRICT = 'name = "A District"\ntimezone = "America/Chicago"\n'


def _ed25519(number: int = 1) -> str:
    """Return the line of a key of its own for each number."""
    return line_of(ed25519_blob(number))


def _write(folder: Path, text: str) -> Path:
    path = folder / "accounts.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _mistakes(folder: Path, text: str) -> list[str]:
    path = _write(folder, text)
    with pytest.raises(ConfigError) as caught:
        read_accounts(path)
    return [str(mistake).removeprefix(f"{path}:") for mistake in caught.value.mistakes]


def test_a_whole_account_is_read(tmp_path: Path) -> None:
    """What the contract shows is what loads."""
    file = read_accounts(
        _write(
            tmp_path,
            f"[SPRINGFIELD]\n{DISTRICT}currency = 'EUR'\nauthorized_keys = ['{_ed25519()}']\n"
            f"password_hash = '{HASH}'\n[SPRINGFIELD.policy]\nstudents = 'register'\n"
            "encoding = 'windows-1252'\ndelimiter = \"\\t\"\n",
        )
    )
    entry = file.accounts[AccountId("SPRINGFIELD")]
    assert entry.timezone.key == "America/Chicago"
    assert [key.label for key in entry.authorized_keys] == ["it@district"]
    assert entry.policy.delimiter == "\t"
    assert entry.policy.file == "partial"
    assert entry.policy.resume is False
    assert HASH not in repr(entry)


def test_columns_that_are_never_taken_for_misspelt_ones_are_listed_by_label(tmp_path: Path) -> None:
    """A list is written as it stands in the header, and a mistake in it is told by its place."""
    policy = f"[A]\n{DISTRICT}[A.policy]\nignore_columns = "
    file = read_accounts(_write(tmp_path, policy + "['Balance due', 'Fee-Code']\n"))
    entry = file.accounts[AccountId("A")]
    assert entry.policy.ignore_columns == ("Balance due", "Fee-Code")
    assert entry.policy.last_row_without_newline == "complete"
    for wrong in (
        "'Balance due'",
        "[' ']",
        "[5]",
        "['a\\nb']".replace("'", '"'),
        f"['{'x' * 201}']",
    ):
        [mistake] = _mistakes(tmp_path, policy + wrong + "\n")
        assert mistake.startswith("5: A.policy.ignore_columns"), mistake


def test_places_of_sale_are_named_by_patterns(tmp_path: Path) -> None:
    """Each pattern has one name, and a mistake in either is told by its line."""
    sources = f"[A]\n{DISTRICT}[A.sources]\n"
    file = read_accounts(_write(tmp_path, f"{sources}'destiny*' = ' Library '\n'pos' = 'North'\n"))
    entry = file.accounts[AccountId("A")]
    assert entry.sources == {"destiny*": "Library", "pos": "North"}
    found = _mistakes(
        tmp_path,
        f"{sources}'a' = ''\n'b' = 5\n'c' = '{'x' * 65}'\n' ' = 'x'\n"
        f"'d' = 'x'\n'D' = 'x'\n'{'e' * 256}' = 'x'\n",
    )
    no_place = "must be the name of a place of sale in quotes, on one line."
    assert found == [
        f"5: A.sources.a: {no_place}",
        f"6: A.sources.b: {no_place}",
        "7: A.sources.c: is longer than 64 characters.",
        '8: A.sources. : this is no pattern. Such as "destiny*".',
        '10: A.sources.D: differs from "d" only in case. Take one out.',
        f"11: A.sources.{'e' * 256}: is longer than 255 characters.",
    ]
    [mistake] = _mistakes(tmp_path, f"[A]\n{DISTRICT}sources = 'Library'\n")
    assert mistake == "4: A.sources: must be a table of its own."


def test_a_place_of_sale_and_its_pattern_may_be_as_long_as_any_that_people_write(
    tmp_path: Path,
) -> None:
    """A file's name has at most 255 characters, and so has what it is found by."""
    text = f"[A]\n{DISTRICT}[A.sources]\n'{'e' * 255}' = '{'x' * 64}'\n"
    entry = read_accounts(_write(tmp_path, text)).accounts[AccountId("A")]
    assert entry.sources == {"e" * 255: "x" * 64}


def test_whether_a_reason_is_demanded_is_a_choice_of_two(tmp_path: Path) -> None:
    """Nobody believes that reasons are demanded because of a word that means nothing."""
    policy = f"[A]\n{DISTRICT}[A.policy]\nreasons = "
    file = read_accounts(_write(tmp_path, f"{policy}'required'\n"))
    assert file.accounts[AccountId("A")].policy.reasons == "required"
    [mistake] = _mistakes(tmp_path, f"{policy}'always'\n")
    assert mistake == "5: A.policy.reasons: \"always\" is not one of 'optional' or 'required'."


def test_comments_alone_are_no_accounts(tmp_path: Path) -> None:
    """A fresh installation starts, with nobody in it."""
    assert read_accounts(_write(tmp_path, "# none yet\n")).accounts == {}


def test_every_mistake_of_every_account_is_told_at_once(tmp_path: Path) -> None:
    """An admin who adds ten districts corrects the file once."""
    found = _mistakes(
        tmp_path,
        'title = "x"\n[A]\nname = ""\ntimezone = "America/Chicgo"\ncurrency = "usd"\n'
        'pasword_hash = "sesame"\npassword_hash = "sesame"\n'
        '[A.policy]\nstudents = "all"\ndelimiter = ":"\nencoding = "utf-16"\nstudent = 1\n'
        '["B C"]\n' + DISTRICT + "[a]\nname = 5\n",
    )
    assert found == [
        "1: title: stands outside of an account. Put it below an [ID] line.",
        "3: A.name: must be a name in quotes, on one line.",
        '4: A.timezone: "America/Chicgo" is no IANA time zone. Did you mean America/Chicago?',
        '5: A.currency: "usd" is not in capitals. Write "USD".',
        "6: A.pasword_hash: unknown key. Did you mean password_hash?",
        (
            "7: A.password_hash: this is no argon2id hash. `ingestd password` makes one; paste its "
            "whole line."
        ),
        "9: A.policy.students: \"all\" is not one of 'roster' or 'register'.",
        r'10: A.policy.delimiter: ":" is no delimiter. One of ",", ";", "\t", "|".',
        (
            '11: A.policy.encoding: "utf-16" does not read plain ASCII as itself. Such as "utf-8", '
            '"windows-1252" or "iso-8859-1".'
        ),
        "12: A.policy.student: unknown key. Did you mean students?",
        (
            '13: B C: "B C" cannot be an account ID. Use 1 to 64 of A-Z a-z 0-9 _ -, a letter or '
            "digit first."
        ),
        "16: a: differs from account A only in case. Rename one.",
        "16: a.timezone: is missing. Add a line `timezone = …`.",
        "17: a.name: must be a name in quotes, on one line.",
    ]
    assert "sesame" not in "".join(found)


def test_a_name_may_be_two_hundred_characters_long(tmp_path: Path) -> None:
    """It stands in lists, beside other columns."""
    text = "[A]\ntimezone = 'UTC'\nname = '{}'\n"
    entry = read_accounts(_write(tmp_path, text.format("x" * 200))).accounts[AccountId("A")]
    assert entry.name == "x" * 200
    (mistake,) = _mistakes(tmp_path, text.format("x" * 201))
    assert mistake == "3: A.name: is longer than 200 characters."


def test_what_is_no_text_is_no_time_zone(tmp_path: Path) -> None:
    """A number that stands there by mistake is told like any other word."""
    (mistake,) = _mistakes(tmp_path, "[A]\nname = 'x'\ntimezone = 5\n")
    assert mistake == '3: A.timezone: 5 is no IANA time zone. Such as "America/Chicago".'


def test_ten_thousand_accounts_are_taken_and_no_more(tmp_path: Path) -> None:
    """A file that a program wrote in a loop does not stop the daemon."""
    lines = [f"A{number} = 1\n" for number in range(ACCOUNTS_MAX + 1)]
    assert len(_mistakes(tmp_path, "".join(lines[:-1]))) == ACCOUNTS_MAX
    too_many, *others = _mistakes(tmp_path, "".join(lines))
    assert too_many == " more than 10000 accounts. Run a second ingestd."
    assert len(others) == len(lines)


def test_the_file_is_kept_as_it_was_read(tmp_path: Path) -> None:
    """A copy of what was last in force is that file, to the byte."""
    path = _write(tmp_path, f"# ours\n[A]\n{DISTRICT}")
    file = read_accounts(path)
    assert (file.content, file.where) == (path.read_bytes(), str(path))
    assert file.sha256 == hashlib.sha256(file.content).hexdigest()


def _costs(memory: int, rounds: int, lanes: int) -> str:
    return HASH.replace("m=65536,t=3,p=4", f"m={memory},t={rounds},p={lanes}")


@pytest.mark.parametrize("costs", [(8, 1, 1), (512, 1, 64), (2**20, 99, 4)])
def test_costs_of_a_password_s_hash_may_be_as_low_and_as_high_as_a_login_can_bear(
    tmp_path: Path, costs: tuple[int, int, int]
) -> None:
    """Hashes from another system keep working."""
    text = f"[A]\n{DISTRICT}password_hash = '{_costs(*costs)}'\n"
    entry = read_accounts(_write(tmp_path, text)).accounts[AccountId("A")]
    assert entry.password_hash == _costs(*costs)


@pytest.mark.parametrize(
    "costs",
    [(7, 1, 1), (511, 1, 64), (2**20 + 1, 3, 4), (65536, 0, 4), (65536, 3, 0), (65536, 3, 65)],
)
def test_costs_that_no_login_could_bear_are_told(
    tmp_path: Path, costs: tuple[int, int, int]
) -> None:
    """One login must not take the machine's memory, and one without costs protects nobody."""
    (mistake,) = _mistakes(tmp_path, f"[A]\n{DISTRICT}password_hash = '{_costs(*costs)}'\n")
    assert "(m={}, t={}, p={}) are out of bounds".format(*costs) in mistake


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("currency = 5", '5 is no currency of ISO 4217. Three capitals, such as "USD".'),
        ("currency = 'usd'", '"usd" is not in capitals. Write "USD".'),
        ("currency = 'ANG'", '"ANG" has left ISO 4217. Its successor is "XCG".'),
        ("password_hash = 5", "this is no argon2id hash. `ingestd password` makes one"),
        ("password_hash = 'x'", "this is no argon2id hash. `ingestd password` makes one"),
        ("policy.encoding = 5", '5 is no encoding that Python knows. Such as "utf-8"'),
        ("policy.encoding = 'utf-99'", '"utf-99" is no encoding that Python knows. Such as "utf-8'),
        ("policy.encoding = 'utf-16'", '"utf-16" does not read plain ASCII as itself. Such as "ut'),
        ("policy.encoding = 'rot13'", '"rot13" does not read plain ASCII as itself. Such as "utf-'),
        ("policy.delimiter = 5", '5 is no delimiter. One of ","'),
        ("policy.delimiter = ':'", '":" is no delimiter. One of ","'),
        ("policy.ignore_columns = [5]", "must be a column's label in quotes"),
        (f"policy.ignore_columns = ['{'x' * 201}']", "is longer than 200 characters."),
    ],
)
def test_a_wrong_value_is_told_with_what_can_be_written(
    tmp_path: Path, line: str, said: str
) -> None:
    """An admin at night reads no manual."""
    (mistake,) = _mistakes(tmp_path, f"[A]\n{DISTRICT}{line}\n")
    assert f": {said}" in mistake


def test_a_label_may_be_as_long_as_any_that_people_write(tmp_path: Path) -> None:
    """Two hundred characters are a label still."""
    text = f"[A]\n{DISTRICT}policy.ignore_columns = ['{'x' * 200}']\n"
    policy = read_accounts(_write(tmp_path, text)).accounts[AccountId("A")].policy
    assert policy.ignore_columns == ("x" * 200,)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("usd", 'Write "USD".'),
        ("ANG", 'Its successor is "XCG".'),
        ("hrk", 'Its successor is "EUR".'),
        ("XXX", "is no currency of ISO 4217"),
    ],
)
def test_a_wrong_currency_is_told_with_the_right_one(tmp_path: Path, code: str, told: str) -> None:
    """Whoever types from habit or from an old list need not look anything up."""
    (mistake,) = _mistakes(tmp_path, f"[A]\n{DISTRICT}currency = '{code}'\n")
    assert told in mistake


def test_options_before_a_key_are_a_mistake(tmp_path: Path) -> None:
    """To pass over `from=` would let the key in from everywhere."""
    key = f'from="10.0.0.1",command="a b" {_ed25519()}'
    (mistake,) = _mistakes(tmp_path, f"[A]\n{DISTRICT}authorized_keys = ['{key}']\n")
    assert "options before a key are not supported" in mistake


def test_one_key_may_serve_several_accounts(tmp_path: Path) -> None:
    """A provider uploads for many districts from one machine."""
    text = "".join(f"[{name}]\n{DISTRICT}authorized_keys = ['{_ed25519()}']\n" for name in "AB")
    accounts = read_accounts(_write(tmp_path, text)).accounts
    assert accounts[AccountId("A")].authorized_keys == accounts[AccountId("B")].authorized_keys


@pytest.mark.parametrize("setting", ["authorized_keys", "certificate_authorities"])
def test_one_key_twice_in_an_account_is_a_mistake(tmp_path: Path, setting: str) -> None:
    """Whoever takes one of the two lines out believes that the key is gone."""
    again = _ed25519().replace("it@district", "another name")
    (mistake,) = _mistakes(
        tmp_path, f"[A]\n{DISTRICT}{setting} = ['{_ed25519()}', '{_ed25519(2)}',\n'{again}']\n"
    )
    assert mistake.startswith(f"5: A.{setting}: the key SHA256:")
    assert "twice" in mistake


def test_every_bad_key_is_told_with_its_line(tmp_path: Path) -> None:
    """A file with many keys is mended once."""
    cut, good = _ed25519()[:60], _ed25519(2)
    found = _mistakes(
        tmp_path,
        f"[A]\n{DISTRICT}authorized_keys = [\n'{cut}',\n'{good}',\n'ssh-dss AAAA',\n]\n"
        f"[B]\n{DISTRICT}certificate_authorities = ['{cut}']\n",
    )
    assert [entry.split(" ")[0] for entry in found] == ["5:", "7:", "12:"]
    assert all("Paste" in entry or "Ask for" in entry for entry in found)


@pytest.mark.parametrize(
    "text",
    ["", "sesame", HASH.replace("argon2id", "argon2i"), HASH[:40], HASH + "\n"]
    + [HASH.replace("m=65536", f"m={memory}") for memory in (8, 9_999_999)]
    + [HASH.replace("p=4", "p=99"), HASH.replace("t=3", "t=0")],
)
def test_a_hash_that_cannot_be_checked_is_refused_unseen(tmp_path: Path, text: str) -> None:
    """A password pasted in the place of its hash must not reach the log."""
    quoted = text.replace("\n", "\\n")
    (mistake,) = _mistakes(tmp_path, f'[A]\n{DISTRICT}password_hash = "{quoted}"\n')
    assert mistake.startswith("4: A.password_hash:")
    assert not text or text not in mistake


@pytest.mark.parametrize("name", ["utf-8", "UTF8", "windows-1252", "iso-8859-1", "cp437", "ascii"])
def test_encodings_of_spreadsheets_are_taken(tmp_path: Path, name: str) -> None:
    """Districts export from many programs."""
    text = f"[A]\n{DISTRICT}[A.policy]\nencoding = '{name}'\n"
    assert read_accounts(_write(tmp_path, text)).accounts[AccountId("A")].policy.encoding == name


@pytest.mark.parametrize(
    "name", ["utf-16", "utf-7", "cp037", "rot13", "hex", "unicode_escape", "idna", "guess", ""]
)
def test_encodings_that_would_change_plain_ascii_are_refused(tmp_path: Path, name: str) -> None:
    """The CSV's own commas and quotes must read as themselves."""
    text = f"[A]\n{DISTRICT}[A.policy]\nencoding = '{name}'\n"
    (mistake,) = _mistakes(tmp_path, text)
    assert mistake.startswith("5: A.policy.encoding:")


@pytest.mark.parametrize("zone", ["America", "", "../etc/passwd", "/etc/passwd", "america/chicago"])
def test_what_is_no_time_zone_is_refused(tmp_path: Path, zone: str) -> None:
    """The day of a charge depends on it."""
    (mistake,) = _mistakes(tmp_path, f"[A]\nname = 'x'\ntimezone = '{zone}'\n")
    assert mistake.startswith("3: A.timezone:")


def test_catalogs_are_taken_over_sftp_only_where_it_is_said(tmp_path: Path) -> None:
    """Who may send charges may not, by that alone, say who is charged and what it costs."""
    text = f"[A]\n{DISTRICT}[B]\n{DISTRICT}catalog_over_sftp = true\n"
    accounts = read_accounts(_write(tmp_path, text)).accounts
    assert not accounts[AccountId("A")].catalog_over_sftp
    assert accounts[AccountId("B")].catalog_over_sftp


@pytest.mark.parametrize("value", ['"true"', "1", '"yes"', "[]"])
def test_what_is_neither_true_nor_false_opens_nothing(tmp_path: Path, value: str) -> None:
    """A text in quotes is a slip, and a slip must not let a catalog be overwritten."""
    (mistake,) = _mistakes(tmp_path, f"[A]\n{DISTRICT}catalog_over_sftp = {value}\n")
    assert mistake.startswith("4: A.catalog_over_sftp:")
    assert "true or false" in mistake


@pytest.mark.parametrize("name", ["incoming", "receipts", "Incoming", "RECEIPTS"])
def test_no_account_is_called_as_a_folder(tmp_path: Path, name: str) -> None:
    """`/incoming` is every account's own folder; it cannot be one account's home as well."""
    (mistake,) = _mistakes(tmp_path, f"[{name}]\n{DISTRICT}")
    assert f"{name} is the name of a folder" in mistake.replace('"', "").replace("'", "")
    assert f"{name}-1" in mistake


def test_the_folders_names_are_the_reserved_ones() -> None:
    """Whoever adds a folder for clients learns here that no account may have its name."""
    assert set(FolderName) == RESERVED_ACCOUNT_IDS
