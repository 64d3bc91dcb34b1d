"""Whatever `config check` accepts, `serve` starts with: a promise about every file there may be."""

from __future__ import annotations

import asyncio
import encodings.aliases
import functools
import json
import zoneinfo
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncssh
from hypothesis import event, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from ingestd.config.files.accounts_file import check_accounts
from ingestd.config.files.settings import load_settings
from ingestd.config.toml.document import parse_toml
from ingestd.console.app import make_console
from ingestd.intake.answering.dry_run import check_file
from ingestd.service.daemon.supervisor import Daemon
from ingestd.service.in_force.config_check import check_config
from ingestd.service.in_force.need import Need
from ingestd.service.installation.bootstrap import Installation, open_installation
from ingestd.service.installation.initialise import complete
from ingestd.telemetry.events import Event
from ingestd.values.errors import ConfigError
from ingestd.values.identifiers import AccountId

KEY = asyncssh.generate_private_key("ssh-ed25519")
LINE = KEY.export_public_key().decode().strip()
SOUND_ACCOUNT = f'[SOUND]\nname = "S"\ntimezone = "UTC"\nauthorized_keys = ["{LINE}"]\n'
ROWS = b"charge_tracking_id,account_type,student_id,billing_code,amount\nT1,WALLET,1,X,1.00\n"
ARGON = "$argon2id$v=19$m={},t={},p={}$c29tZXNhbHRzb21l$" + "A" * 43

NUMBERS = """
    0 1 -1 2 1.5 0.1 0.01 1e-9 1e400 nan inf 64 100 1024 3600 8760 65535 86400 1_000 0x10 10_000
    1_000_000 99999999999999999999 true [] 2026-01-01
""".split()
SIZES = ["0", "1", '"1 B"', '"1 KiB"', '"512 MiB"', '"64 GiB"', '"0 TiB"', '"9 EiB"', "-1", "1.0"]
NETWORKS = [
    *("[]", '["127.0.0.1"]', '["127.0.0.0/8", "::1"]', '["0.0.0.0/0"]', '["10.0.0.1/8"]'),
    *(
        '["::ffff:1.2.3.4"]',
        '["fe80::1%lo"]',
        '["192.0.2.0/255.255.255.0"]',
        '["1.2.3", ""]',
        '"x"',
    ),
]
TEXTS = ['""', '" "', '"x"', '"\\u0000"', '"a\\nb"', "'C:\\x'", '"ä\\u202e"', '"a@b.example"', "1"]
PATHS = [
    '"../data"',
    '"data"',
    '"."',
    '"a?b"',
    '"a b/ö"',
    '""',
    "1",
    '"x\\u0000"',
]
LISTEN = [
    *('["127.0.0.1:0"]', '["[::1]:0"]', '["127.0.0.1:0", "127.0.0.1:0"]', '["localhost:0"]', "[]"),
    *('["127.0.0.1"]', '["127.0.0.1:65536"]', '["127.0.0.1:-1"]', '"127.0.0.1:0"', '["[::1:0"]'),
]
COUNTS = """
    max_connections max_connections_per_address max_sessions_per_connection max_files_waiting
    max_open_files login_seconds idle_seconds keepalive_seconds max_auth_tries
    ban_after_failures ban_seconds
""".split()
INTAKE = ["settle_seconds", "rescan_seconds", "workers", "receipt_days", "partial_hours"]
SETTINGS: dict[str, dict[str, Iterable[str]]] = {
    "": {"data_dir": PATHS},  # with no time to stop in, the daemon ends its whole process
    "sftp": {
        **dict.fromkeys(COUNTS, NUMBERS),
        **dict.fromkeys(["proxy_protocol_from", "never_ban"], NETWORKS),
        "listen": LISTEN,
        "max_upload_bytes": SIZES,
    },
    "intake": {**dict.fromkeys(INTAKE, NUMBERS), "disk_reserve_bytes": SIZES},
    "mail": {"host": TEXTS, "port": NUMBERS},
    "log": {"format": ['"json"', '"console"', '"x"'], "level": ['"debug"', '"error"', '"Info"']},
}
ENTRY: dict[str, Iterable[str]] = {
    "currency": ['"USD"', '"JPY"', '"XCG"', '"usd"', '"XXX"', '""'],
    "authorized_keys": [f'["{LINE}"]', '["ssh-rsa AAAA x"]', "[]", '[""]'],
    "password_hash": [
        json.dumps(ARGON.format(*costs)) for costs in ((65536, 3, 4), (8, 1, 1), (8, 0, 1))
    ],
    "catalog_over_sftp": ["true", "false", '"yes"'],
}
POLICY: dict[str, Iterable[str]] = {
    "students": ['"roster"', '"register"', '"x"'],
    "file": ['"partial"', '"all_or_nothing"'],
    "encoding": map(json.dumps, sorted(set(encodings.aliases.aliases.values()))),
    "delimiter": ['","', '";"', '"\\t"', '"|"', '"x"', '""'],
    "naive_time": ['"account_timezone"', '"reject"'],
}
NAMES = ["OTHER", "other-1", '"Ö"', "con", "9", "-x", '"a.b"', "A" * 65]
ZONES = ["UTC", "posixrules", "../UTC", "Factory", *sorted(zoneinfo.available_timezones())]


def takes_settings(text: str) -> bool:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ingestd.toml"
        path.write_text(text)
        try:
            load_settings(path, {})
        except ConfigError:
            return False
    return True


def takes_accounts(text: str) -> bool:
    try:
        check_accounts(parse_toml(text.encode(), where="accounts.toml"))
    except ConfigError:
        return False
    return True


def taken(
    candidates: dict[str, Iterable[str]], heading: str, takes: Callable[[str], bool]
) -> dict[str, list[str]]:
    """What the check takes of each key's candidates, alone: most draws are then whole files."""
    return {
        key: [value for value in values if takes(f"{heading}{key} = {value}\n")]
        for key, values in candidates.items()
    }


@functools.cache
def choices() -> dict[str, dict[str, list[str]]]:
    found = {
        section: taken(keys, f"[{section}]\n" if section else "", takes_settings)
        for section, keys in SETTINGS.items()
    }
    other = '[OTHER]\nname = "O"\ntimezone = "UTC"\n'
    found["ENTRY"] = taken(ENTRY, other, takes_accounts)
    found["POLICY"] = taken(POLICY, other + "[OTHER.policy]\n", takes_accounts)
    return found


def lines(draw: st.DrawFn, section: str, most: int) -> str:
    """Some keys of a table, each with one of the values that the check takes."""
    values = choices()[section]
    keys = draw(st.lists(st.sampled_from(sorted(values)), max_size=most, unique=True))
    return "".join(f"{key} = {draw(st.sampled_from(values[key]))}\n" for key in keys)


@st.composite
def settings_files(draw: st.DrawFn) -> str:
    parts = [lines(draw, "", 2)]
    for section in ("sftp", "intake", "mail", "log"):
        body = lines(draw, section, 3)
        if section == "sftp" and "listen" not in body:
            body += 'listen = ["127.0.0.1:0"]\n'
        parts.append(f"[{section}]\n{body}")
    return "".join(parts) + '[http]\nlisten = "127.0.0.1:0"\n'


@st.composite
def account_files(draw: st.DrawFn) -> str:
    """A sound account, and another that may be anything."""
    zone, name = draw(st.sampled_from(ZONES)), draw(st.sampled_from(NAMES))
    title = json.dumps(draw(st.text(min_size=1, max_size=8)))
    return (
        f"{SOUND_ACCOUNT}[{name}]\nname = {title}\ntimezone = {json.dumps(zone)}\n"
        f"{lines(draw, 'ENTRY', 3)}[{name}.policy]\n{lines(draw, 'POLICY', 3)}"
    )


@st.composite
def allowlists(draw: st.DrawFn) -> str:
    everyone = draw(st.sampled_from(['["127.0.0.1", "::1"]', *NETWORKS[:4]]))
    deny = draw(st.sampled_from(["[]", "[]", '["127.0.0.0/8"]', '["0.0.0.0/0"]', '["x"]']))
    word = draw(st.sampled_from(["", "everyone_is_allowed = true\n"]))
    return f"{word}everyone = {everyone}\ndeny = {deny}\n[accounts]\nSOUND = []\n"


async def run_and_log_in(installation: Installation) -> None:
    """Start the daemon, log in as the sound account if nothing forbids it, and stop the daemon."""
    with capture_logs() as logged:
        daemon = Daemon(installation, make_console)
        running = asyncio.create_task(daemon.run())
        try:
            async with asyncio.timeout(60):
                while not any(line["event"] == Event.DAEMON_STARTED for line in logged):
                    if running.done():
                        running.result()
                    await asyncio.sleep(0.01)
            (listening,) = (line for line in logged if line["event"] == Event.SFTP_LISTENING)
            address = listening["addresses"][0]
            if must_let_in(installation, address):
                await log_in(address)
        finally:
            daemon.stop()
        assert await running == 0


def must_let_in(installation: Installation, address: str) -> bool:
    """Whether the sound account's login is refused by nothing that the files ask for."""
    sftp = installation.settings.sftp
    home = ip_address("::1" if "[" in address else "127.0.0.1")
    admitted = installation.access.allowlist.admits(home, AccountId("SOUND"))
    is_balancer = any(home in network for network in sftp.proxy_protocol_from)
    is_patient = min(sftp.login_seconds, sftp.idle_seconds, sftp.keepalive_seconds) >= 30
    return admitted and not is_balancer and is_patient


async def log_in(address: str) -> None:
    host, _, port = address.rpartition(":")
    async with asyncssh.connect(
        host.strip("[]"),
        int(port),
        username="SOUND",
        client_keys=[KEY],
        known_hosts=None,
        config=None,
    ):
        event("logged in")


@settings(max_examples=25)
@given(main=settings_files(), accounts=account_files(), allowlist=allowlists())
def test_whatever_config_check_accepts_serves(main: str, accounts: str, allowlist: str) -> None:
    """A green check before a restart at night has to be worth something."""
    with TemporaryDirectory() as folder:
        config = Path(folder) / "config" / "ingestd.toml"
        config.parent.mkdir()
        config.write_text(main)
        (config.parent / "accounts.toml").write_text(accounts)
        (config.parent / "allowlist.toml").write_text(allowlist)
        mistakes, _ = check_config(config, {})
        event("refused" if mistakes else "accepted")
        if mistakes:
            return
        sample = Path(folder) / "student_billing.csv"
        sample.write_bytes(ROWS)
        complete(config)
        installation = open_installation(config, Need.SERVING)
        try:
            asyncio.run(run_and_log_in(installation))
            for account in installation.access.accounts.values():
                check_file(installation.works(), account, sample)
        finally:
            installation.close()
