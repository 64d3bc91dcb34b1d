"""What an admin is told of a mistake: the key, its line, the bound that was passed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ingestd.config.files.settings import load_settings
from ingestd.config.toml.document import parse_toml
from ingestd.config.toml.mistakes import Mistakes
from ingestd.values.errors import ConfigError, Mistake


def _mistakes(folder: Path, text: str, **environment: str) -> tuple[Mistake, ...]:
    path = folder / "ingestd.toml"
    path.write_text(f"# one line above\n{text}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(path, environment)
    return caught.value.mistakes


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("sftp = 5", (2, "sftp"), "a table of its own"),
        ("shutdown_seconds = 'x'", (2, "shutdown_seconds"), "a number"),
        ("[sftp]\nmax_open_files = 'x'", (3, "sftp.max_open_files"), "a whole number"),
        ("[sftp]\nlisten = 'h:1'", (3, "sftp.listen"), "a list"),
        ("[sftp]\nlisten = []", (3, "sftp.listen"), "at least 1."),
        (f"[sftp]\nlisten = {['h:1'] * 65}", (3, "sftp.listen"), "at most 64."),
        ("[mail]\nport = 0", (3, "mail.port"), "0 is too small. At least 1."),
        ("[mail]\nport = 65536", (3, "mail.port"), "65536 is too large. At most 65535."),
        ("[mail]\nuser = 5", (3, "mail.user"), "a text in quotes"),
        ("[mail]\nuser = ''", (3, "mail.user"), "at least 1."),
        (f"[mail]\nuser = '{'x' * 321}'", (3, "mail.user"), "at most 320."),
        ("[mail]\nhost = 'h:25'", (3, "mail.host"), '"h:25" names no host.'),
        ("[mail]\n\npassword = 'sesame'", (2, "mail"), "INGESTD_MAIL__PASSWORD"),
        ("[mail]\npassword_file = 5", (3, "mail.password_file"), "a path in quotes"),
        ("[mail]\nuser = 'u'\ntls = 'none'", (4, "mail.tls"), 'Write "starttls" or "tls"'),
        ("[evidence]\nwitness_folder = 5", (3, "evidence.witness_folder"), "a path in quotes"),
        ("[log]\nformat = 'x'", (3, "log.format"), "\"x\" is not one of 'json' or 'console'."),
        ("[log]\nformt = 'x'", (3, "log.formt"), "unknown key. Did you mean format?"),
        ("[zzz]\nx = 1", (2, "zzz"), "unknown key. Known here: "),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_would_be_right(
    tmp_path: Path, text: str, place: tuple[int, str], told: str
) -> None:
    """The line is corrected without a look into the manual."""
    mistake = next(m for m in _mistakes(tmp_path, text) if m.key == place[1])
    assert (mistake.line, mistake.key) == place
    assert told in f"{mistake.message} {mistake.remedy}"
    assert re.fullmatch(r"[^A-Z].*\.", mistake.message)
    assert re.fullmatch(r"[A-Z](?!XX).*[.?]|", mistake.remedy)
    assert "sesame" not in str(mistake)


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("INGESTD_MAIL__PORT", "0", "0 is too small."),
        ("INGESTD_SFTP__LISTEN", '["h:1", "h"]', '"h" has no port'),
        ("INGESTD_LOG__LEVEL", "loud", '"loud" is not one of'),
    ],
)
def test_a_mistake_in_a_variable_is_the_variables(
    tmp_path: Path, variable: str, value: str, told: str
) -> None:
    """Nobody looks in the file for what a container's environment says."""
    (mistake,) = _mistakes(tmp_path, "[mail]\nport = 25", **{variable: value})
    assert (mistake.where, mistake.line, mistake.key) == (variable, None, "")
    assert told in mistake.message


def test_mistakes_of_file_and_environment_are_told_together(tmp_path: Path) -> None:
    """A container is started once to learn of all of them, whatever is wrong with the file."""
    variables = {"INGESTD_SFTP__MAX_OPEN_FILES": "5", "INGESTD_SHUTDOWN_SECONDS": "9999"}
    found = _mistakes(tmp_path, "sftp = 5", **variables)
    assert [(m.where.rpartition("/")[2], m.key) for m in found] == [
        ("INGESTD_SHUTDOWN_SECONDS", ""),
        ("ingestd.toml", "sftp"),
    ]
    found = _mistakes(tmp_path, "no TOML", INGESTD_ZZZ="1")
    assert [m.where.rpartition("/")[2] for m in found] == ["ingestd.toml", "INGESTD_ZZZ"]


def test_a_relative_file_of_the_environment_is_sought_where_the_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell completes names by the folder that one stands in; a file knows its own only."""
    config, here = tmp_path / "config", tmp_path / "here"
    for folder in (config, here):
        folder.mkdir()
    monkeypatch.chdir(here)
    text = "[mail]\nhost = 'h'\nfrom = 'a@example.org'\nuser = 'u'\n"
    (config / "ingestd.toml").write_text(text + "password_file = 'word'\n")
    (config / "word").write_text("sesame")
    (here / "own").write_text("open")
    named = load_settings(config / "ingestd.toml", {})
    assert named.mail.password_file == config / "word"
    own = load_settings(config / "ingestd.toml", {"INGESTD_MAIL__PASSWORD_FILE": "own"})
    assert own.mail.password_file == here / "own"


def test_a_value_of_the_environment_hides_the_files_mistake(tmp_path: Path) -> None:
    """What is overridden is not used, and so is nobody's mistake."""
    (tmp_path / "ingestd.toml").write_text("[log]\nlevel = 'loud'\n", encoding="utf-8")
    settings = load_settings(tmp_path / "ingestd.toml", {"INGESTD_LOG__LEVEL": "error"})
    assert settings.log.level == "error"


def test_mistakes_come_in_the_order_of_the_file() -> None:
    """An admin goes through the file once, from top to bottom."""
    document = parse_toml(b'a = 1\nb = [1,\n 2]\n[c]\n"d\\u001b" = 1\n', where="x.toml")
    mistakes = Mistakes(document, {("v",): "VARIABLE"})
    mistakes.add(("c", "d\x1b"), "fourth.")
    mistakes.add(("b", 1), "third.", "Remedy.")
    mistakes.add(("c", "missing"), "in its table.")
    mistakes.add(("nowhere",), "no line.")
    mistakes.add(("v", "inside"), "of a variable.", "Set it.")
    assert [(m.where, m.line, m.key, m.message, m.remedy) for m in mistakes.found] == [
        ("x.toml", None, "nowhere", "no line.", ""),
        ("VARIABLE", None, "", "of a variable.", "Set it."),
        ("x.toml", 3, "b", "third.", "Remedy."),
        ("x.toml", 4, "c.missing", "in its table.", ""),
        ("x.toml", 5, "c.d\\u001b", "fourth.", ""),
    ]
    assert mistakes.line_of("b", 1) == 3
    with pytest.raises(ConfigError) as caught:
        mistakes.raise_if_any()
    assert caught.value.mistakes == mistakes.found
    Mistakes(document).raise_if_any()
