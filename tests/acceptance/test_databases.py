"""Several databases: each account's books in the one that the config names, behind one door."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.acceptance.conftest import School
from tests.acceptance.daemon_log import until
from tests.integration.database.conftest import Server, server

OTHER = "SHELBYVILLE"
SHARDS = ("database_url", "databases.north")

__all__ = ["server"]


def say(school: School, *tables: str) -> None:
    """Write these tables at the end of the settings, in place of those that stand there."""
    settings = school.config / "ingestd.toml"
    kept = settings.read_text(encoding="utf-8").partition("\n[databases.")[0]
    settings.write_text(kept + "".join(f"\n{table}\n" for table in tables), encoding="utf-8")


def north(url: str, *accounts: str) -> str:
    return f'[databases.north]\nurl = "{url}"\naccounts = {json.dumps(accounts)}'


def embedded(school: School) -> str:
    return f"sqlite:///{school.folder}/data/databases/north/ledger.db"


def furnish(school: School, url: str) -> School:
    """Add a second account, whose books are in a database of their own."""
    say(school, north(url, OTHER))
    done = school.run("init")
    assert done.returncode == 0, done.stderr
    assert "Its folder databases/north belongs to the ledger" in done.stdout
    key = ("--key", str(school.key.with_suffix(".pub")), "--allow", "127.0.0.1")
    district = ("--name", "Shelbyville School District", "--timezone", "America/Chicago")
    assert school.run("account", "add", OTHER, *district, *key).returncode == 0
    for kind in ("products", "parents", "students"):
        path = school.outbox / f"{kind}.csv"
        done = school.run("catalog", "import", kind, str(path), "--account", OTHER)
        assert done.returncode == 0, done.stderr
    return school


def send(school: School, account: str, *keys: str) -> None:
    """Upload a file of one charge a key as one of the two districts."""
    rows = (f"LIABILITY,{key},00042,LATE_FEE,,5.00," for key in keys)
    path = school.write(f"student_billing_{keys[0]}.csv", *rows)
    done = school.sftp_batch(f"put {path} /{account}/incoming/{path.name}", account=account)
    assert done.returncode == 0, done.stderr


def receipts(school: School, account: str) -> list[Path]:
    home = school.folder / "data" / ("databases/north" if account == OTHER else "")
    return sorted((home / "spool" / account / "receipts").glob("*.json"))


def charged(school: School, account: str) -> set[str]:
    done = school.run("report", "items", "--account", account, "--output", "json")
    assert done.returncode == 0, done.stderr
    return {row["tracking_id"] for row in json.loads(done.stdout)["rows"]}


def ready(school: School) -> dict[str, str]:
    """Return the parts that do not work, with what they say."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{school.http_port}/readyz") as answer:
            said = json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            said = json.load(error)
    return {part: what for part, what in said["checks"].items() if what != "ok"}


def test_each_account_is_served_from_its_own_database(school: School) -> None:
    """One door, one program; commands, receipts and checks find each where it is."""
    two = furnish(school, embedded(school))
    two.start()
    for account in (two.account, OTHER):
        send(two, account, f"{account}-1")
    for account in (two.account, OTHER):
        [found] = until(partial(receipts, two, account), f"the receipt of {account}")
        assert json.loads(found.read_bytes())["rows"]["applied"] == 1
        assert found.name in two.sftp_batch(f"ls -1 /{account}/receipts", account=account).stdout
        assert charged(two, account) == {f"{account}-1"}
        assert two.run("ledger", "verify", "--account", account).returncode == 0
    assert ready(two) == {}
    done = two.run("doctor")
    assert (done.returncode, "database north" in done.stdout) == (0, True), done.stdout
    keys = two.run("ledger", "key").stdout.split()
    assert len(keys) == len({key.partition("+")[2] for key in keys}) == 2
    for command in ("current", "upgrade"):
        told = two.run("db", command).stdout.splitlines()
        assert [name in line for name, line in zip(SHARDS, told, strict=True)] == [True, True]
    assert two.stop() == 0


def test_books_never_begin_a_second_time_elsewhere(school: School) -> None:
    """Whatever becomes of the config, a charge that was posted is never posted again."""
    two = furnish(school, embedded(school))
    two.start()
    send(two, OTHER, "K1")
    until(partial(receipts, two, OTHER), "the receipt")
    assert two.stop() == 0
    say(two)  # somebody took the table out
    two.run("account", "remove", OTHER)
    say(two, north(embedded(two), "OGDENVILLE"))  # and put it back, with a slip
    checked = two.run("config", "check")
    assert "accounts.toml has no account OGDENVILLE" in checked.stderr
    asked = two.run("report", "items", "--account", OTHER)
    refused = two.spawn()
    assert (asked.returncode, refused.wait(30)) == (2, 2)
    for told in (asked.stderr, two.log.path.read_text(encoding="utf-8")):
        assert f"The books of {OTHER} are in databases.north" in told
    say(two, north(embedded(two), OTHER))
    two.start()
    send(two, OTHER, "K1", "K2")
    until(lambda: len(receipts(two, OTHER)) == 2, "the second receipt")
    assert charged(two, OTHER) == {"K1", "K2"}


def test_a_database_that_is_away_keeps_only_its_own_accounts_waiting(
    school: School, server: Server | None
) -> None:
    """The door is open to all, nothing that it acknowledges is lost, and readiness names it."""
    if server is None:
        pytest.skip("no PostgreSQL server here")
    with server.database("pattern_empty") as url:
        name = make_url(url).database
        two = furnish(school, url)
        two.start()
        server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        server.run(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )
        for account in (OTHER, two.account):
            send(two, account, f"{account}-1")
        until(partial(receipts, two, two.account), "the receipt of the one that works")
        until(lambda: "databases.north" in ready(two).get("database", ""), "readiness")
        assert not receipts(two, OTHER)
        server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        until(partial(receipts, two, OTHER), "the receipt of the other")
        assert charged(two, OTHER) == {f"{OTHER}-1"}
        until(lambda: ready(two) == {}, "readiness to be back")
        assert two.stop() == 0


def test_one_of_several_ledgers_is_moved(school: School) -> None:
    """The others stay where they are; the moved one is refused where it was."""
    two = furnish(school, embedded(school))
    two.start()
    send(two, OTHER, "K1")
    until(partial(receipts, two, OTHER), "the receipt")
    assert two.stop() == 0
    to = f"sqlite:///{two.folder}/moved.db"
    moved = two.run("db", "copy", "--database", "north", "--to", to)
    assert moved.returncode == 0, moved.stderr
    assert "INGESTD_DATABASES__NORTH__URL=" in moved.stdout
    assert two.run("report", "items", "--account", OTHER).returncode == 2
    two.set(databases__north__url=to)
    assert charged(two, OTHER) == {"K1"}
    assert charged(two, two.account) == set()
    unknown = two.run("db", "copy", "--database", "south", "--to", to)
    assert (unknown.returncode, "Named there: north" in unknown.stderr) == (2, True)
