"""`[databases]`: each account's books in one database, and no database twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestd.config.files.settings import MAIN_DATABASE, load_settings
from ingestd.service.in_force.config_check import awaited_in
from ingestd.values.errors import ConfigError
from ingestd.values.identifiers import AccountId

NORTH = '[databases.north]\nurl = "sqlite:///north.db"\naccounts = ["SPRINGFIELD"]\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "ingestd.toml"
    path.write_text(text)
    return path


def test_an_account_is_in_the_database_that_names_it(tmp_path: Path) -> None:
    """Relative paths start at the file; the password comes from the environment."""
    south = '[databases.far_south]\naccounts = ["OGDENVILLE"]\n'
    url = {"INGESTD_DATABASES__FAR_SOUTH__URL": "postgresql://me:hunter2@host/south"}
    settings = load_settings(written(tmp_path, NORTH + south), url)
    found = {
        name: settings.database_of(AccountId(name))
        for name in ("SPRINGFIELD", "OGDENVILLE", "SHELBYVILLE")
    }
    assert found == {
        "SPRINGFIELD": "north",
        "OGDENVILLE": "far_south",
        "SHELBYVILLE": MAIN_DATABASE,
    }
    assert settings.databases["north"].url == f"sqlite:///{tmp_path}/north.db"
    assert "hunter2" in settings.databases["far_south"].url
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ("databases = 5\n", "databases", "tables of their own"),
        ("[databases]\nnorth = 5\n", "databases.north", "a table of its own"),
        ("[databases.North]\n", "databases.North", "no name of a database"),
        ("[databases.a__b]\n", "databases.a__b", "no name of a database"),
        (f"[databases.{'n' * 33}]\n", f"databases.{'n' * 33}", "no name of a database"),
        ('[databases.n]\nurl = "sqlite:///n.db"\n', "databases.n.accounts", "is missing"),
        ('[databases.n]\naccounts = ["A"]\n', "databases.n.url", "is missing"),
        (
            '[databases.n]\nurl = "sqlite:///n.db"\naccounts = []\n',
            "databases.n.accounts",
            "too few",
        ),
        ('[databases.n]\nurl = "mysql://x"\naccounts = ["A"]\n', "databases.n.url", "not a data"),
        (NORTH + 'usrl = "x"\n', "databases.north.usrl", "unknown key"),
        (
            NORTH + '[databases.n]\nurl = "sqlite:///north.db"\naccounts = ["A"]\n',
            "databases.n.url",
            "this is the database of databases.north",
        ),
        (
            'database_url = "sqlite:///north.db"\n' + NORTH,
            "databases.north.url",
            "this is the database of database_url",
        ),
        (
            NORTH + '[databases.n]\nurl = "sqlite:///n.db"\naccounts = ["SPRINGFIELD"]\n',
            "databases.n.accounts",
            "SPRINGFIELD is in databases.north, too",
        ),
        (
            '[databases.n]\nurl = "sqlite:///n.db"\naccounts = ["no good"]\n',
            "databases.n.accounts",
            "no account's ID",
        ),
    ],
)
def test_what_would_put_books_in_two_places_is_a_mistake(
    tmp_path: Path, text: str, key: str, said: str
) -> None:
    """Each is named with its key; a start is refused."""
    with pytest.raises(ConfigError) as refused:
        load_settings(written(tmp_path, text), {})
    [mistake] = refused.value.mistakes
    assert mistake.key == key
    assert said in mistake.message


def test_a_mistake_in_a_variable_is_the_variables(tmp_path: Path) -> None:
    variable = "INGESTD_DATABASES__NORTH__URL"
    with pytest.raises(ConfigError) as refused:
        load_settings(written(tmp_path, NORTH), {variable: "mysql://secret"})
    [mistake] = refused.value.mistakes
    assert mistake.where == variable
    assert "secret" not in str(mistake)


def test_an_account_that_is_not_there_is_told(tmp_path: Path) -> None:
    """It may be misspelt: the one that was meant would be served from elsewhere."""
    settings = load_settings(written(tmp_path, NORTH), {})
    [warning] = awaited_in(settings, {AccountId("SPRINGFELD")}, where=tmp_path)
    assert "no account SPRINGFIELD" in warning.message
    assert not awaited_in(settings, {AccountId("SPRINGFIELD")}, where=tmp_path)
