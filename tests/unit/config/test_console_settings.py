"""`[console]`: where browsers reach it, and who else may say who somebody is."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestd.config.files.settings import Settings, load_settings
from ingestd.config.judging.console import parse_console_address, parse_issuer
from ingestd.config.toml.mistakes import InvalidValueError, shown
from ingestd.values.errors import ConfigError, Mistake

OIDC = """[console]
address = "https://ledger.example.org"
[console.oidc]
issuer = "https://accounts.example.org/x"
client_id = "ingestd"
client_secret_file = "secret"
"""


def load(folder: Path, text: str, **environment: str) -> Settings:
    path = folder / "ingestd.toml"
    path.write_text(text)
    return load_settings(path, environment)


def mistakes(folder: Path, text: str, **environment: str) -> tuple[Mistake, ...]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text, **environment)
    return caught.value.mistakes


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("https://ledger.example.org", "https://ledger.example.org"),
        ("https://ledger.example.org:8443/", "https://ledger.example.org:8443"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.9", "http://127.0.0.9"),
        ("http://[::1]:1", "http://[::1]:1"),
    ],
)
def test_the_console_is_reached_encrypted_or_from_here(written: str, address: str) -> None:
    """A session that travels in the clear is anybody's."""
    assert parse_console_address(written) == address
    assert parse_issuer(written) == written


@pytest.mark.parametrize(
    "written",
    [
        *(5, None, "", "x", "ledger.example.org", "//ledger.example.org", "https://", "https://:1"),
        *("http://ledger.example.org", "http://10.0.0.1", "http://localhost.example.org"),
        *("ftp://localhost", "https://x:0", "https://x:-1", "https://x:70000", "https://x:y"),
        *(
            "https://a@x",
            "https://:b@x",
            "https://x?a",
            "https://x#a",
            "https://x y",
            "https://x\t",
        ),
        *("https://[x", "http://"),
    ],
)
def test_what_is_no_address_is_refused(written: object) -> None:
    """Browsers would be sent somewhere else, or nowhere."""
    with pytest.raises(InvalidValueError) as caught:
        parse_console_address(written)
    assert caught.value.message == f"{shown(written)} is no address of the console."
    assert caught.value.remedy == 'Write it such as "https://ledger.example.org".'
    with pytest.raises(InvalidValueError) as caught:
        parse_issuer(written)
    assert caught.value.message == f"{shown(written)} is no issuer."
    assert caught.value.remedy == 'Write it such as "https://accounts.google.com".'


def test_an_issuer_may_have_a_path_and_the_console_none() -> None:
    """What the issuer calls itself is compared to the letter."""
    assert parse_issuer("https://accounts.example.org/x") == "https://accounts.example.org/x"
    with pytest.raises(InvalidValueError):
        parse_console_address("https://ledger.example.org/x")


def test_a_secret_comes_from_a_file_or_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The config may be read by everybody on the machine."""
    monkeypatch.chdir("/")
    assert load(tmp_path, OIDC).console.oidc.client_secret_file == tmp_path / "secret"
    without = OIDC.replace('client_secret_file = "secret"\n', "")
    environment = {"INGESTD_CONSOLE__OIDC__CLIENT_SECRET": "sesame"}
    oidc = load(tmp_path, without, **environment).console.oidc
    assert (oidc.client_secret, oidc.client_secret_file) == ("sesame", None)
    elsewhere = load(tmp_path, without, INGESTD_CONSOLE__OIDC__CLIENT_SECRET_FILE="s").console.oidc
    assert elsewhere.client_secret_file == Path("/s")
    assert load(tmp_path, "[console.oidc]\n").console.oidc.issuer is None
    for text, given in ((without, {}), (OIDC, environment)):
        [mistake] = mistakes(tmp_path, text, **given)
        assert (mistake.line, mistake.key) == (3, "console.oidc")
        assert "one secret of the client is needed" in str(mistake)
        assert "Name one file in client_secret_file" in str(mistake)
    [mistake] = mistakes(tmp_path, without + 'client_secret = "sesame"\n')
    assert (mistake.line, mistake.key) == (3, "console.oidc")
    assert "does not belong into this file" in str(mistake)
    assert "INGESTD_CONSOLE__OIDC__CLIENT_SECRET" in str(mistake)
    assert "sesame" not in str(mistake)


@pytest.mark.parametrize(
    ("left_out", "key"),
    [("issuer", "console.oidc"), ("client_id", "console.oidc"), ("address", "console")],
)
def test_half_of_what_signing_on_needs_is_told(tmp_path: Path, left_out: str, key: str) -> None:
    """Somebody would come back from the issuer to a page that does not know why."""
    lines = [line for line in OIDC.splitlines() if not line.startswith(left_out)]
    [mistake] = mistakes(tmp_path, "\n".join(lines))
    assert mistake.key == key
    assert f"{left_out} is missing." in mistake.message
    assert mistake.remedy.startswith("The issuer ")


def test_values_that_are_no_tables_and_no_paths_are_told(tmp_path: Path) -> None:
    """A slip is told of where it stands, and what follows from it is harmless."""
    for text, key in (
        ("console = 5\n", "console"),
        ("[console]\noidc = 5\n", "console.oidc"),
        (OIDC.replace('"secret"', "5"), "console.oidc.client_secret_file"),
    ):
        told = mistakes(tmp_path, text)
        assert key in {mistake.key for mistake in told}
        assert all(mistake.line for mistake in told)
    assert [mistake.key for mistake in mistakes(tmp_path, "console = 5\n")] == ["console"]
