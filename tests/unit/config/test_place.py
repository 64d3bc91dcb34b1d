"""Where a command finds its config, and with which variables it then works."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingestd.config.files.place import DEFAULT_CONFIG, find_config
from ingestd.values.errors import ConfigError

NOBODY = 65534
URL = "postgresql://ingestd@db.example/ingestd"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """The installation that a machine has, as its environment file names it."""
    installed = tmp_path / "installed" / "config"
    installed.mkdir(parents=True)
    (installed / "ingestd.toml").touch()
    file = tmp_path / "environment"
    file.write_text(
        f"# the daemon's\n\nINGESTD_CONFIG={installed}/ingestd.toml\n"
        f"INGESTD_DATABASE_URL='{URL}'\n; not ours\nTZ=UTC\n"
    )
    return file


@pytest.fixture
def installed(machine: Path) -> Path:
    return machine.parent / "installed" / "config" / "ingestd.toml"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a config, and one stands in it."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.usefixtures("elsewhere")
def test_the_machine_s_config_is_found_from_any_folder(machine: Path, installed: Path) -> None:
    """An admin asks the doctor without standing in a folder that only the daemon may enter."""
    variables: dict[str, str] = {}
    assert find_config(None, system_file=machine, environment=variables) == installed
    assert variables == {"INGESTD_DATABASE_URL": URL}


def test_this_folder_s_config_comes_before_the_machine_s(machine: Path, elsewhere: Path) -> None:
    """Who stands in an installation works on that one, whatever else the machine has."""
    (elsewhere / "config").mkdir()
    (elsewhere / DEFAULT_CONFIG).touch()
    variables: dict[str, str] = {}
    assert find_config(None, system_file=machine, environment=variables) == DEFAULT_CONFIG
    assert variables == {}


def test_another_config_than_the_machine_s_gets_none_of_its_variables(
    machine: Path, tmp_path: Path
) -> None:
    """A trial installation never writes into the ledger of the real one."""
    variables: dict[str, str] = {}
    trial = tmp_path / "trial.toml"
    assert find_config(trial, system_file=machine, environment=variables) == trial
    assert variables == {}


def test_the_machine_s_config_has_its_variables_however_it_is_named(
    machine: Path, installed: Path, elsewhere: Path
) -> None:
    """A command with --config does not silently work on another, empty ledger."""
    linked = elsewhere / "linked.toml"
    linked.symlink_to(installed)
    for named in (installed, linked, Path(os.path.relpath(installed))):
        variables: dict[str, str] = {}
        assert find_config(named, system_file=machine, environment=variables) == named
        assert variables == {"INGESTD_DATABASE_URL": URL}


@pytest.mark.usefixtures("elsewhere")
def test_a_variable_that_is_set_wins_over_the_file(machine: Path) -> None:
    """An admin tries a setting for one command."""
    variables = {"INGESTD_DATABASE_URL": "sqlite:////elsewhere/x.db"}
    find_config(None, system_file=machine, environment=variables)
    assert variables == {"INGESTD_DATABASE_URL": "sqlite:////elsewhere/x.db"}


@pytest.mark.usefixtures("elsewhere")
def test_without_a_file_the_default_is_told(tmp_path: Path) -> None:
    """Whoever has installed nothing yet is told of `ingestd init`."""
    for missing in (tmp_path / "missing", tmp_path / "missing" / "environment"):
        assert find_config(None, system_file=missing, environment={}) == DEFAULT_CONFIG


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("INGESTD_CONFIG=/a b/ingestd.toml", "/a b/ingestd.toml"),
        ("  INGESTD_CONFIG = /a/ingestd.toml  ", "/a/ingestd.toml"),
        ('INGESTD_CONFIG="/a=b/$x.toml"', "/a=b/$x.toml"),
        ("INGESTD_CONFIG='/a#b.toml'", "/a#b.toml"),
        ("INGESTD_CONFIG=/first\nINGESTD_CONFIG=/last", "/last"),
        ("INGESTD_CONFIG=/a.toml\r", "/a.toml"),
        ("X=1\nINGESTD_CONFIG=/X/a.toml", "/X/a.toml"),
    ],
)
def test_lines_mean_what_they_mean_to_systemd(tmp_path: Path, line: str, value: str) -> None:
    """Daemon and commands read one file, and see one thing in it."""
    file = tmp_path / "environment"
    file.write_text(f"{line}\n", newline="")
    assert find_config(None, system_file=file, environment={}) == Path(value)


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("X is here", "environment:1: is no NAME=value."),
        ("x\nexport INGESTD_CONFIG=/a", "environment:1: is no NAME=value."),
        ("\nexport INGESTD_CONFIG=/a", "environment:2: is no NAME=value."),
        ('INGESTD_DATABASE_URL="a', "environment:1: INGESTD_DATABASE_URL: has a value that"),
        ("INGESTD_CONFIG=/a\\", "environment:1: INGESTD_CONFIG: has a value that"),
        ("INGESTD_CONFIG='/a\\b'", "environment:1: INGESTD_CONFIG: has a value that"),
        ("INGESTD_CONFIG=config/ingestd.toml", "environment: INGESTD_CONFIG: is no absolute path."),
        ("INGESTD_CONFIG=/\udcff", "environment: this file cannot be read"),
    ],
)
def test_what_cannot_be_understood_is_told_with_its_line(
    tmp_path: Path, content: str, told: str
) -> None:
    """A slip in the file is not found out by working on another installation."""
    file = tmp_path / "environment"
    file.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(ConfigError) as refused:
        find_config(None, system_file=file, environment={})
    assert told in refused.value.message
    assert all(re.fullmatch(r"\w.*\.", each.remedy) for each in refused.value.mistakes)


@contextmanager
def closed(*places: Path) -> Iterator[None]:
    """Be a user who may not read or enter these places; root reads all."""
    for place in places:
        place.chmod(0)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        for place in places:
            place.chmod(0o700)


@pytest.fixture
def stranger(machine: Path, elsewhere: Path) -> Iterator[None]:
    """Be a user who may read neither the file nor the folder one stands in."""
    with closed(machine, elsewhere):
        yield


@pytest.mark.usefixtures("stranger")
def test_a_file_for_the_daemon_alone_is_told_with_whom_to_be(
    machine: Path, installed: Path
) -> None:
    """Who is not the daemon's user reads what to type, and can still name another config."""
    told = f"{machine}: this file is not for this user to read.*sudo -u ingestd ingestd"
    with pytest.raises(ConfigError, match=told):
        find_config(None, system_file=machine, environment={})
    assert find_config(installed, system_file=machine, environment={}) == installed


def test_a_config_folder_that_may_not_be_entered_is_the_one_that_is_meant(
    machine: Path, elsewhere: Path
) -> None:
    """Who stands in an installation is not answered about another one."""
    elsewhere.chmod(0o755)
    config = elsewhere / DEFAULT_CONFIG.parent
    config.mkdir()
    with closed(config):
        assert find_config(None, system_file=machine, environment={}) == DEFAULT_CONFIG
