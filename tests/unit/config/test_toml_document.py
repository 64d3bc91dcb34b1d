"""Reading TOML with the line of every key, and saying plainly what is wrong with it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestd.config.toml.document import CONFIG_BYTES_MAX, TomlDocument, parse_toml, read_toml
from ingestd.config.toml.positions import KeyPath, line_positions
from ingestd.values.errors import ConfigError, Mistake


def _document(text: str) -> TomlDocument:
    return parse_toml(text.encode(), where="some.toml")


def _only_mistake(path: Path) -> Mistake:
    with pytest.raises(ConfigError) as caught:
        read_toml(path)
    (mistake,) = caught.value.mistakes
    assert (mistake.where, mistake.key) == (str(path), "")
    assert re.fullmatch(r"[A-Z`].*[.?]", mistake.remedy)
    return mistake


def test_elements_of_a_multi_line_list_have_lines_of_their_own() -> None:
    """An admin with two hundred addresses is told which one is wrong."""
    document = _document(
        '[accounts]\nA = [ # office\n  "10.0.0.1",\n\n  # home ]\n  "10.0.0.2", "10.0.0.3"\n]\n'
    )
    assert [document.line_of("accounts", "A", index) for index in range(4)] == [3, 6, 6, None]


def test_brackets_quotes_and_hashes_inside_texts_are_not_structure() -> None:
    """A district's name may hold any character."""
    document = _document(
        'a = "x # [y] \\" ="\n'
        "b = 'c:\\dir\\'\n"
        'c = """one "" two\n\\""" [z]\n"""""\n'
        "d = '''it''s\n= # ]'''''\n"
        "e = 1\n"
    )
    assert [document.line_of(key) for key in "abcde"] == [1, 2, 3, 6, 8]


def test_what_follows_a_heading_at_once_is_no_part_of_it() -> None:
    """Not everybody puts a space before a comment."""
    document = _document("[a]# one\nX = 1\n[[b]]# two\nX = 2\n[[b]]#\nX = 3\n")
    assert document.line_of("a", "X") == 2
    assert [document.line_of("b", index, "X") for index in range(2)] == [4, 6]


def test_quoted_and_dotted_keys_are_found_by_their_meaning() -> None:
    """Both spellings of a key are the same key, so both get a line."""
    document = _document(
        "\"a b\".'c.d' . e = 1\n"
        '"\\u0041" = { x = [1, {y = 2}], "z z".w = 3 }\n'
        '[t . "u"]\n'
        "v = 1979-05-27 07:32:00 # day\n"
    )
    assert document.line_of("a b", "c.d", "e") == 1
    assert document.line_of("a b", "c.d") == 1
    assert document.line_of("A", "x", 1, "y") == 2
    assert document.line_of("A", "z z", "w") == 2
    assert document.line_of("t") == document.line_of("t", "u") == 3
    assert document.line_of("t", "u", "v") == 4


def test_tables_in_arrays_are_counted() -> None:
    """A mistake in the second table of an array is not looked for in the first."""
    document = _document("[[a]]\nx=1\n[[a.b]]\n[[a.b]]\n[[a]]\n[a.c]\nx = 2\n[[a.b]]\n")
    assert document.line_of("a") == 1
    assert document.line_of("a", 0, "b", 1) == 4
    assert document.line_of("a", 1) == 5
    assert document.line_of("a", 1, "c", "x") == 7
    assert document.line_of("a", 1, "b", 0) == 8


def test_windows_line_ends_and_a_byte_order_mark_change_nothing() -> None:
    """Admins edit with Notepad too."""
    document = parse_toml(b"\xef\xbb\xbfa = 1\r\n\r\nb = [\r\n 2,\r\n]\r\n", where="x")
    assert document.values == {"a": 1, "b": [2]}
    assert (document.line_of("b"), document.line_of("b", 0)) == (3, 4)


def test_a_missing_key_is_looked_for_in_the_table_that_lacks_it() -> None:
    """`name is missing` points at the account, not at the top of the file."""
    document = _document("a = 1\n[b]\nc = 1\n")
    assert document.line_near("b", "name") == 2
    assert document.line_near("nowhere") is None


# The characters that mean something to TOML, and a few that do not.
_TEXTS = st.text("ab1 \t\"'\\#[]{}=,.é—🏫", max_size=8)
_BARE = st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True)


def _basic(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _multi_line(text: str) -> str:
    return '"""\n' + text.replace("\\", "\\\\").replace('"', '\\"') + '\n"x"""'


@st.composite
def _scalars(draw: st.DrawFn) -> str:
    text = draw(_TEXTS)
    literal = "'" + text.replace("'", "") + "'"
    numbers = ["1", "-2.5e3", "true", "0xf", "1979-05-27T07:32:00Z", "07:32:00"]
    return draw(
        st.sampled_from([_basic(text), literal, _multi_line(text), f"''{literal}''", *numbers])
    )


@st.composite
def _lists(draw: st.DrawFn) -> tuple[str, list[int]]:
    """A list's text, and for each element the line it stands on, the list's own being 0."""
    text, lines = "[", []
    for _ in range(draw(st.integers(0, 4))):
        text += draw(st.sampled_from(["", "\n", " # ] \"'\n\n  ", "\t"]))
        lines.append(text.count("\n"))
        text += draw(_scalars()) + draw(st.sampled_from([",", " ,", "\n,"]))
    return text + draw(st.sampled_from(["]", "\n]", " # ]\n]"])), lines


@st.composite
def _documents(draw: st.DrawFn) -> tuple[str, dict[KeyPath, int]]:
    """A document that is made line by line, and the lines as they were counted on the way."""
    text = ""
    expected: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number in range(draw(st.integers(0, 8))):
        text += draw(st.sampled_from(["", "\n", "# a = [ \" '\n", "  \t\n"]))
        line = text.count("\n") + 1
        name = f"{draw(_TEXTS)}{number}"
        match draw(st.sampled_from(["table", "scalar", "list", "inline", "dotted"])):
            case "table":
                table = (name,)
                expected[table] = line
                text += f"[ {_basic(name)} ]"
            case "scalar":
                expected[(*table, name)] = line
                text += f"{_basic(name)} = {draw(_scalars())}"
            case "list":
                listed, lines = draw(_lists())
                expected[(*table, name)] = line
                expected |= {(*table, name, at): line + gap for at, gap in enumerate(lines)}
                text += f"{_basic(name)}={listed}"
            case "inline":
                key, value = draw(_BARE), draw(_scalars())
                expected[(*table, name)] = line
                expected[(*table, name, key)] = line
                text += f"{_basic(name)} = {{ {key} = {value} }}"
            case _:
                key = draw(_BARE)
                expected[(*table, name)] = line
                expected[(*table, name, key)] = line
                text += f"{_basic(name)} . {key} = {draw(_scalars())}"
        text += draw(st.sampled_from(["\n", " # it's [\n", "\t\n\n"]))
    return text, expected


# A busy machine makes documents slowly; that says nothing about them.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_documents(), st.sampled_from(["\n", "\r\n"]))
def test_lines_agree_with_how_the_document_was_made(
    document: tuple[str, dict[KeyPath, int]], line_end: str
) -> None:
    """A line number that is off sends the admin to the wrong place."""
    text, expected = document
    text = text.replace("\n", line_end)
    tomllib.loads(text)
    assert line_positions(text) == expected


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a = 1\na = 2\n# end\n", 2, "second time"),
        ("[a]\n[a]\n", 2, "second time"),
        ('a = [\n"x"\nb = 1\n', 3, "not closed"),
        ('\na = "x\n', 2, "no closing quote"),
        ("a = True\n", 1, "true and false"),
        ("just words\n", 1, "key = value"),
        ("a = 1 b = 2\n", 1, "own line"),
        ('a = "c:\\dir"\n', 1, "backslash"),
        ("\n\na = [\n", 3, "the value is not TOML"),
        ('\n\nb = 1\na = "x', 4, "no closing quote"),
        ('\na = "\x01"\n', 2, "not valid TOML: Illegal character '\\x01'."),
        ("a = " + "9" * 5000, 1, "not valid TOML"),
    ],
)
def test_a_syntax_error_names_its_line_and_what_to_write(text: str, line: int, said: str) -> None:
    """A parser's own words help few admins."""
    with pytest.raises(ConfigError) as caught:
        _document(text)
    (mistake,) = caught.value.mistakes
    assert (mistake.where, mistake.line, mistake.key) == ("some.toml", line, "")
    assert said in str(mistake)
    assert mistake.message.endswith(".")


def test_endless_nesting_is_a_mistake_and_not_a_crash() -> None:
    """A saved mistake must not stop the daemon."""
    nested = r"^some\.toml: lists or tables are nested too deeply\. Flatten them\.$"
    with pytest.raises(ConfigError, match=nested):
        _document("a = " + "[" * 20_000 + "]" * 20_000)


def test_a_missing_file_is_a_mistake(tmp_path: Path) -> None:
    """The first start in a wrong folder says which folder it looked in."""
    assert "ingestd init" in str(_only_mistake(tmp_path / "ingestd.toml"))


@pytest.mark.parametrize("content", [b"", b" \r\n\n"])
def test_an_empty_file_is_a_mistake(tmp_path: Path, content: bytes) -> None:
    """An editor that saves in two steps must not open or close the door for a moment."""
    (tmp_path / "x.toml").write_bytes(content)
    assert "empty" in _only_mistake(tmp_path / "x.toml").message


def test_a_folder_in_the_place_of_a_file_is_a_mistake(tmp_path: Path) -> None:
    """A container runtime makes a folder where a mounted file is missing."""
    assert _only_mistake(tmp_path).message == "the file cannot be read: Is a directory."


def test_bytes_that_are_not_utf_8_are_a_mistake_with_their_line(tmp_path: Path) -> None:
    """A district's accented name, saved in an old encoding, is found at once."""
    (tmp_path / "x.toml").write_bytes(b'a = 1\nb = "caf\xe9"\n')
    mistake = _only_mistake(tmp_path / "x.toml")
    assert mistake.line == 2
    assert "0xe9" in mistake.message
    (tmp_path / "x.toml").write_bytes(b"\n\xe9")
    assert _only_mistake(tmp_path / "x.toml").line == 2


def test_a_huge_file_is_refused_before_it_is_read_whole(tmp_path: Path) -> None:
    """A log file given by mistake does not take the machine's memory."""
    (tmp_path / "x.toml").write_bytes(b"#" * (CONFIG_BYTES_MAX + 1))
    assert "larger than" in _only_mistake(tmp_path / "x.toml").message
    (tmp_path / "x.toml").write_bytes(b"#" * CONFIG_BYTES_MAX)
    assert len(read_toml(tmp_path / "x.toml").content) == CONFIG_BYTES_MAX
