"""Whatever a client sends as a path, it leads to one of two folders or nowhere."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingestd.sftp.tree.places import (
    BadName,
    File,
    Folder,
    FolderName,
    Home,
    NameTrouble,
    Place,
    Root,
    canonical,
    is_tellable,
    resolve,
)
from ingestd.values.identifiers import AccountId

ACCOUNT = AccountId("SPRINGFIELD")
PARTS = st.one_of(
    st.sampled_from([b"SPRINGFIELD", b"SHELBYVILLE", b"incoming", b"receipts", b"staging"]),
    st.sampled_from([b"", b".", b"..", b"...", b"a.csv", b"\0", b"a\\..\\b", b"\xff", b"~"]),
    st.binary(max_size=6),
)
PATHS = st.lists(PARTS, max_size=8).map(b"/".join)


@given(st.one_of(PATHS, st.binary(max_size=60)))
@example(b"/SPRINGFIELD/incoming/../../../etc/passwd")
@example(b"/SPRINGFIELD/incoming/..")
@example(b"SPRINGFIELD/incoming/a\0.csv")
def test_no_path_leads_out_of_the_tree(path: bytes) -> None:
    """The name that reaches the disk is one name: no separator, no parent, no NUL."""
    place = resolve(path, ACCOUNT)
    if isinstance(place, File):
        assert place.folder in FolderName
        assert place.name not in {"", ".", ".."}
        assert not {"/", "\0", "\n"} & set(place.name)
        assert 0 < len(place.name.encode()) <= 255
    else:
        assert place is None or isinstance(place, Root | Home | Folder | BadName)


@given(st.one_of(PATHS, st.binary(max_size=60)))
def test_a_canonical_path_is_absolute_settled_and_the_same_place(path: bytes) -> None:
    """What REALPATH answers can be sent back and means what was meant."""
    absolute = canonical(path)
    assert absolute.startswith(b"/")
    assert canonical(absolute) == absolute
    assert b".." not in absolute.split(b"/")
    assert resolve(absolute, ACCOUNT) == resolve(path, ACCOUNT)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (b"", Root()),
        (b".", Root()),
        (b"/..", Root()),
        (b"SPRINGFIELD", Home()),
        (b"/SPRINGFIELD/", Home()),
        (b"//SPRINGFIELD//incoming/.", Folder(FolderName.INCOMING)),
        (b"SPRINGFIELD/receipts", Folder(FolderName.RECEIPTS)),
        (b"/SPRINGFIELD/incoming/a b.csv", File(FolderName.INCOMING, "a b.csv")),
        ("/SPRINGFIELD/incoming/é.csv".encode(), File(FolderName.INCOMING, "é.csv")),
        (b"/springfield", None),
        (b"/SHELBYVILLE", None),
        (b"/incoming", Folder(FolderName.INCOMING)),
        (b"receipts/.", Folder(FolderName.RECEIPTS)),
        (b"/incoming/a.csv", File(FolderName.INCOMING, "a.csv")),
        (b"./receipts/a.json", File(FolderName.RECEIPTS, "a.json")),
        (b"/Incoming/a.csv", None),
        (b"/incoming/SPRINGFIELD", File(FolderName.INCOMING, "SPRINGFIELD")),
        (b"/incoming/sub/a.csv", None),
        (b"/SPRINGFIELD/SPRINGFIELD/incoming/a.csv", None),
        (b"~/incoming/a.csv", None),
        (b"/SPRINGFIELD/staging", None),
        (b"/SPRINGFIELD/incoming/sub/a.csv", None),
        (b"/incoming/\xff.csv", BadName(FolderName.INCOMING, NameTrouble.NOT_UTF8)),
        (b"/incoming/a\nb.csv", BadName(FolderName.INCOMING, NameTrouble.CONTROL_CHARACTER)),
        (b"/incoming/a\0b.csv", BadName(FolderName.INCOMING, NameTrouble.CONTROL_CHARACTER)),
        (b"/receipts/" + b"a" * 256, BadName(FolderName.RECEIPTS, NameTrouble.TOO_LONG)),
        (("/incoming/" + "é" * 128).encode(), BadName(FolderName.INCOMING, NameTrouble.TOO_LONG)),
    ],
)
def test_places_of_the_tree(path: bytes, place: Place | BadName | None) -> None:
    """Every spelling that clients use for the same place finds it; nothing else is found."""
    assert resolve(path, ACCOUNT) == place


@pytest.mark.parametrize("name", ["a\u2028b", "a\x1bb", "a\udcffb", "a\x7f", "", ".", ".."])
def test_names_that_cannot_be_told_are_not(name: str) -> None:
    """A file that a hand put there under such a name is not listed."""
    assert not is_tellable(name)
