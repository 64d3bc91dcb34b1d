"""ingestd.toml and the environment: defaults, overrides, bounds, and every mistake at once."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from ingestd.config.files.settings import Settings, load_settings
from ingestd.config.judging.values import (
    ListenAddress,
    parse_database_url,
    parse_listen,
    parse_network,
    parse_size,
)
from ingestd.config.toml.mistakes import InvalidValueError
from ingestd.values.errors import ConfigError, Mistake


def _write(folder: Path, text: str) -> Path:
    path = folder / "config" / "ingestd.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def _load(folder: Path, text: str = "#\n", **environment: str) -> Settings:
    return load_settings(_write(folder, text), environment)


def _mistakes(folder: Path, text: str = "#\n", **environment: str) -> tuple[Mistake, ...]:
    with pytest.raises(ConfigError) as caught:
        _load(folder, text, **environment)
    return caught.value.mistakes


def test_defaults_are_those_of_the_contract(tmp_path: Path) -> None:
    """An installation that sets nothing behaves as documented."""
    settings = _load(tmp_path)
    assert settings.data_dir == tmp_path / "data"
    assert settings.database_url == f"sqlite:///{tmp_path}/data/ledger.db"
    assert settings.shutdown_seconds == 20
    assert [str(address) for address in settings.sftp.listen] == ["0.0.0.0:2222", "[::]:2222"]
    assert settings.sftp.max_upload_bytes == 512 * 2**20
    assert settings.intake.settle_seconds == 1.0
    assert str(settings.http.listen) == "127.0.0.1:8080"
    assert (settings.log.format, settings.log.level) == ("json", "info")


def test_a_relative_path_in_the_file_is_relative_to_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon finds the same folder from wherever it is started."""
    monkeypatch.chdir("/")
    settings = _load(
        tmp_path,
        'data_dir = "d"\ndatabase_url = "sqlite:///x/l.db"\n[evidence]\nwitness_folder = "w"\n',
    )
    assert settings.data_dir == tmp_path / "config" / "d"
    assert settings.database_url == f"sqlite:///{tmp_path}/config/x/l.db"
    assert settings.evidence.witness_folder == tmp_path / "config" / "w"


def test_a_relative_path_from_the_environment_is_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path typed in a shell means what it means to every other program."""
    monkeypatch.chdir(tmp_path)
    settings = _load(
        tmp_path,
        INGESTD_DATA_DIR="d",
        INGESTD_DATABASE_URL="sqlite:///l.db",
        INGESTD_EVIDENCE__WITNESS_FOLDER="w",
    )
    assert settings.data_dir == tmp_path / "d"
    assert settings.database_url == f"sqlite:///{tmp_path}/l.db"
    assert settings.evidence.witness_folder == tmp_path / "w"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """A container is configured without writing files."""
    settings = _load(
        tmp_path,
        '[sftp]\nlisten = ["0.0.0.0:22"]\nmax_connections = 5\n',
        INGESTD_SFTP__LISTEN='["127.0.0.1:2222"]',
        INGESTD_SFTP__NEVER_BAN='["10.0.0.0/8", "::1"]',
        INGESTD_SFTP__MAX_UPLOAD_BYTES="1 GiB",
        INGESTD_INTAKE__SETTLE_SECONDS="0",
        INGESTD_HTTP__LISTEN="[::1]:0",
        INGESTD_LOG__FORMAT="console",
        INGESTD_SHUTDOWN_SECONDS="1.5",
    )
    assert settings.sftp.listen == (ListenAddress(host="127.0.0.1", port=2222),)
    assert settings.sftp.never_ban == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert settings.sftp.max_connections == 5
    assert settings.sftp.max_upload_bytes == 2**30
    assert settings.intake.settle_seconds == 0
    assert settings.http.listen == ListenAddress(host="::1", port=0)
    assert settings.log.format == "console"
    assert settings.shutdown_seconds == 1.5


def test_variables_that_are_not_settings_do_not_disturb(tmp_path: Path) -> None:
    """INGESTD_CONFIG is the command's; empty ones and service links come from orchestrators."""
    settings = _load(
        tmp_path,
        INGESTD_CONFIG="x",
        INGESTD_DATABASE_URL="",
        INGESTD_SERVICE_HOST="10.0.0.1",
        INGESTD_PORT_2222_TCP_ADDR="10.0.0.1",
        HOME="/",
    )
    assert settings.database_url.startswith("sqlite")


def test_every_mistake_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    """Nobody mends a config one start at a time."""
    mistakes = _mistakes(
        tmp_path,
        'data_dir = 5\nshutdown_secs = 20\n[sftp]\nlisten = ["x",\n  "::1:22"]\n'
        'max_upload_bytes = "5 parsecs"\nidle_seconds = true\n[intake]\nworkers = 100\n'
        '[log]\nlevel = "INFO"\n[http]\nlisten = 1\n',
        INGESTD_SFTP__MAX_OPEN_FILES="many",
        INGESTD_SFTP__NEVER_BAN="10.0.0.1",
        INGESTD_SFTP__LISTN="[]",
    )
    assert [(m.where.rpartition("/")[2], m.line, m.key) for m in mistakes] == [
        ("INGESTD_SFTP__MAX_OPEN_FILES", None, ""),
        ("INGESTD_SFTP__NEVER_BAN", None, ""),
        ("ingestd.toml", 1, "data_dir"),
        ("ingestd.toml", 2, "shutdown_secs"),
        ("ingestd.toml", 4, "sftp.listen"),
        ("ingestd.toml", 5, "sftp.listen"),
        ("ingestd.toml", 6, "sftp.max_upload_bytes"),
        ("ingestd.toml", 7, "sftp.idle_seconds"),
        ("ingestd.toml", 9, "intake.workers"),
        ("ingestd.toml", 11, "log.level"),
        ("ingestd.toml", 13, "http.listen"),
        ("INGESTD_SFTP__LISTN", None, ""),
    ]
    remedies = " ".join(str(mistake) for mistake in mistakes)
    assert "Did you mean shutdown_seconds?" in remedies
    assert "Did you mean INGESTD_SFTP__LISTEN?" in remedies
    assert "At most 64." in remedies


def test_tls_of_the_console_takes_both_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of it would be served without any."""
    monkeypatch.chdir("/")
    both = '[http]\ntls_certificate = "c.pem"\ntls_key = "/k.pem"\n'
    http = _load(tmp_path, both, INGESTD_HTTP__TLS_KEY="k.pem").http
    assert (http.tls_certificate, http.tls_key) == (tmp_path / "config/c.pem", Path("/k.pem"))
    assert http.has_tls
    for key, missing in (("tls_key", "tls_certificate"), ("tls_certificate", "tls_key")):
        [mistake] = _mistakes(tmp_path, f'[http]\n{key} = "x"\n')
        assert (mistake.line, mistake.key) == (2, f"http.{key}")
        assert f"{missing} is missing." in str(mistake)
    [no_path] = _mistakes(tmp_path, both.replace('"c.pem"', "5"))
    assert (no_path.line, no_path.key) == (2, "http.tls_certificate")
    assert not _load(tmp_path).http.has_tls


@pytest.mark.parametrize(
    "text",
    [
        "sftp = 5",
        "[sftp]\nlisten = []",
        "[intake.more]\nx = 1",
        "shutdown_seconds = -1",
        "shutdown_seconds = inf",
        "shutdown_seconds = nan",
        "[intake]\nworkers = 1.0",
        'database_url = "oracle://x"',
        'database_url = "sqlite://"',
        'database_url = "x"',
        'data_dir = ""',
        'data_dir = "a?b"',
        'data_dir = "a\\u0000b"',
    ],
)
def test_what_cannot_work_is_refused_on_its_line(tmp_path: Path, text: str) -> None:
    """A bad value fails at the start, not at night."""
    (mistake,) = _mistakes(tmp_path, text)
    assert mistake.line is not None


def test_a_database_password_is_never_shown(tmp_path: Path) -> None:
    """Mistakes and settings end up in logs and tickets."""
    (mistake,) = _mistakes(tmp_path, INGESTD_DATABASE_URL="postgresql://u:sesame@h:x/d")
    assert "sesame" not in str(mistake)
    settings = _load(tmp_path, INGESTD_DATABASE_URL="postgresql://u:sesame@h/d")
    assert "sesame" not in repr(settings)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_reaches_the_one_driver(scheme: str) -> None:
    """Providers hand out URLs in several spellings."""
    url = parse_database_url(f"{scheme}://u:p%40@h:5432/d?sslmode=require", base=Path("/"))
    assert url == "postgresql+psycopg://u:p%40@h:5432/d?sslmode=require"


@pytest.mark.parametrize(
    ("text", "size"), [("512 MiB", 2**29), ("1KiB", 1024), ("2 GB", 2 * 10**9), (7, 7), ("0 B", 0)]
)
def test_sizes_are_read_as_written(text: object, size: int) -> None:
    """Nobody counts zeros."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["512", "1.5 GiB", "-1 B", "1 mib", True, 1.0, "١ B"])
def test_what_is_no_size_is_refused(text: object) -> None:
    """A size that could be misread is not guessed."""
    with pytest.raises(InvalidValueError):
        parse_size(text)


@pytest.mark.parametrize(
    "text", [":22", "host", "host:", "host:65536", "::1:22", "[x]:22", "a b:22", "1.2.3:22", 22]
)
def test_what_is_no_listening_address_is_refused(text: object) -> None:
    """The daemon never listens where nobody meant it to."""
    with pytest.raises(InvalidValueError):
        parse_listen(text)


@pytest.mark.parametrize(
    ("text", "corrected"),
    [
        ("203.0.113.17/28", '"203.0.113.16/28"'),
        ("2001:db8::1/32", '"2001:db8::/32"'),
        ("203.0.113.0/255.255.255.0", '"203.0.113.0/24"'),
        (" 203.0.113.0/24 ", '"203.0.113.0/24"'),
        ("::ffff:203.0.113.0/120", '"203.0.113.0/24"'),
    ],
)
def test_a_network_that_is_nearly_right_is_corrected_in_the_message(
    text: str, corrected: str
) -> None:
    """The admin can paste the line that was meant."""
    with pytest.raises(InvalidValueError) as caught:
        parse_network(text)
    assert corrected in caught.value.remedy


def test_nothing_is_mailed_until_a_server_is_set(tmp_path: Path) -> None:
    """Nobody gets mail from an installation whose admin did not say how."""
    mail = _load(tmp_path).mail
    assert (mail.host, mail.from_) == (None, None)
    assert (mail.port, mail.tls) == (587, "starttls")


def test_a_mail_server_is_set_by_file_and_environment(tmp_path: Path) -> None:
    """The server stands in the file, the password nowhere near it."""
    mail = _load(
        tmp_path,
        '[mail]\nhost = "smtp.example.org"\nuser = "billing"\nfrom = "billing@example.org"\n'
        'password_file = "secret"\n',
        INGESTD_MAIL__PASSWORD="sesame",
        INGESTD_MAIL__PORT="465",
        INGESTD_MAIL__TLS="tls",
        INGESTD_MAIL__FROM="office@example.org",
    ).mail
    assert (mail.host, mail.port, mail.tls) == ("smtp.example.org", 465, "tls")
    assert (mail.user, mail.password, mail.from_) == ("billing", "sesame", "office@example.org")
    assert mail.password_file == tmp_path / "config" / "secret"
    assert "sesame" not in repr(mail)


@pytest.mark.parametrize(
    "text",
    [
        '[mail]\npassword = "sesame"',
        '[mail]\nhost = "smtp.example.org:25"',
        "[mail]\nport = 0",
        '[mail]\ntls = "maybe"',
        '[mail]\ntls = "none"\nuser = "billing"',
        '[mail]\nfrom = "a@example.org, b@example.org"',
        '[mail]\nfrom = "Office <a@example.org>"',
        '[mail]\npassword_file = ""',
        '[mail]\nfrom_ = "a@example.org"',
    ],
)
def test_a_mail_server_that_cannot_work_is_refused(tmp_path: Path, text: str) -> None:
    """A password is not sent in the clear, and mail has one sender."""
    (mistake,) = _mistakes(tmp_path, text)
    assert mistake.line is not None
    assert "sesame" not in str(mistake)
