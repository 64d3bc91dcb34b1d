"""Evidence, as a district and an auditor meet it: real receipts, held against real books."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.acceptance.conftest import School

ACCOUNT = "SPRINGFIELD"
FILES = tuple(f"student_billing_{day}.csv" for day in ("monday", "tuesday", "wednesday"))
PAYMENT = "--payer P-77 --amount 1.00 --method cash"


def send(school: School, filename: str) -> Path:
    """Upload a file with one charge; return its receipt's path."""
    key = filename.removesuffix(".csv")
    path = school.write(filename, f"LIABILITY,{key},00042,LOST_BOOK,,18.50,2025-03-02T14:38:02Z")
    school.upload(path)
    receipt = school.wait_until_receipt(filename)
    return next(school.receipts.glob(f"{key}.{receipt['upload_id']}.json"))


def receipt_verify(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "ingestd.shipped.receipt_verify", *arguments),
        capture_output=True,
        text=True,
        check=False,
    )


def against(school: School, *paths: Path) -> tuple[int, dict[str, str]]:
    """Return the exit code of `ledger verify --against`, and what it says of each file."""
    places = [str(path) for path in paths]
    done = school.run(
        *("ledger", "verify", "--account", ACCOUNT, "--output", "json", "--against", *places)
    )
    answer = json.loads(done.stdout)
    return done.returncode, {Path(one["file"]).name: one["answer"] for one in answer["against"]}


def tamper(school: School, *statements: str) -> None:
    """Change the books with the database in hand, and nothing of what guards them."""
    connection = sqlite3.connect(school.folder / "data" / "ledger.db")
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        assert connection.execute(statement).rowcount > 0, statement
    connection.commit()
    connection.close()


def test_a_district_proves_what_its_receipts_say(school: School, tmp_path: Path) -> None:
    """Receipts of files with a command between them hold, are linked, and need nobody's word."""
    school.start()
    kept = tmp_path / "kept"
    kept.mkdir()
    shutil.copy(send(school, FILES[0]), kept)
    school.ask("payments", "add", *PAYMENT.split())
    school.log.wait_until_event("ledger_sealed", batch_no=5, size=5)
    shutil.copy(send(school, FILES[1]), kept)
    keys = school.run("ledger", "key", "--account", ACCOUNT).stdout.split()
    assert len(keys) == 1
    checked = receipt_verify("--key", keys[0], str(kept))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    code, answers = against(school, kept)
    assert (code, set(answers.values())) == (0, {"sound"})
    school.log.wait_until_event("ledger_sealed", batch_no=6)
    lines = school.log.events("ledger_sealed")
    assert [(line["batch_no"], line["size"]) for line in lines] == [
        (number, number) for number in range(1, 7)
    ]
    assert all(line["root"] for line in lines)
    key = school.folder / "data" / "ledger_key"
    assert (key.stat().st_size, stat.S_IMODE(key.stat().st_mode)) == (32, 0o600)
    assert keys[0] in key.with_name("ledger_key.pub").read_text().split()


def test_a_missing_receipt_is_bridged_by_a_checkpoint(school: School, tmp_path: Path) -> None:
    """A district that lost a receipt asks for a proof that goes over the gap."""
    school.start()
    first, _, third = (shutil.copy(send(school, name), tmp_path) for name in FILES)
    [key] = school.run("ledger", "key", "--account", ACCOUNT).stdout.split()
    assert receipt_verify("--key", key, str(first), str(third)).returncode == 2
    bridge = tmp_path / "since.checkpoint"
    for since in ("4", str(first)):
        done = school.run(
            *("ledger", "checkpoint", "--account", ACCOUNT),
            *("--output", str(bridge), "--since", since),
        )
        assert done.returncode == 0, done.stderr
        checked = receipt_verify("--key", key, str(first), str(third), str(bridge))
        assert checked.returncode == 0, checked.stdout
    assert against(school, bridge)[0] == 0


def test_a_rewritten_batch_is_named_by_the_receipt_given_for_it(
    school: School, tmp_path: Path
) -> None:
    """Whoever has the database changes a charge: the old receipt says which batch it was in."""
    school.start()
    receipts = [Path(shutil.copy(send(school, name), tmp_path)) for name in FILES]
    assert school.stop() == 0
    tamper(school, "UPDATE charge SET note = 'other' WHERE tracking_id = 'student_billing_tuesday'")
    code, answers = against(school, *receipts)
    assert code == 1
    assert answers[receipts[0].name] == "sound"
    assert answers[receipts[1].name] == "batch 5 is not the one that this receipt was given for"
    done = school.run("ledger", "verify", "--account", ACCOUNT, "--output", "json")
    [difference] = json.loads(done.stdout)["differences"]
    assert (done.returncode, difference["batch"]) == (1, 5)
    assert difference["difference"].startswith("chunk 1 of charge, rows 2 to 2")


def test_yesterdays_database_is_not_signed_over(school: School, tmp_path: Path) -> None:
    """An older copy is put back: nothing is committed, until somebody says that it is to stay."""
    school.start()
    kept = [Path(shutil.copy(send(school, FILES[0]), tmp_path))]
    assert school.stop() == 0
    ledger = school.folder / "data" / "ledger.db"
    shutil.copy(ledger, tmp_path / "copy.db")
    school.start()
    kept.append(Path(shutil.copy(send(school, FILES[1]), tmp_path)))
    assert school.stop() == 0
    for left in ledger.parent.glob("ledger.db-*"):
        left.unlink()
    shutil.copy(tmp_path / "copy.db", ledger)
    code, answers = against(school, *kept)
    assert (code, answers[kept[1].name]) == (1, "5 batches were signed and the books hold 4")
    paid = school.run("payments", "add", "--account", ACCOUNT, *PAYMENT.split())
    assert paid.returncode == 3
    assert "do not continue what was signed" in paid.stderr
    school.start()
    path = school.write(FILES[2], "LIABILITY,W-1,00042,LOST_BOOK,,18.50,2025-03-02T14:38:02Z")
    school.upload(path)
    told = school.log.wait_until_event("ledger_rolled_back", account=ACCOUNT)
    assert told["level"] == "critical"
    resumed = school.run(
        *("ledger", "resume", "--account", ACCOUNT, "--reason", "restored", "--output", "json")
    )
    assert resumed.returncode == 0, resumed.stderr
    answer: Any = json.loads(resumed.stdout)
    [answer] = answer if isinstance(answer, list) else [answer]
    assert answer["lost_size"] == 5
    assert answer["origin"].endswith(f"/{ACCOUNT}/2")
    again = school.run("ledger", "resume", "--account", ACCOUNT, "--reason", "twice")
    assert again.returncode == 1
    after = send(school, "student_billing_thursday.csv")
    [key] = school.run("ledger", "key", "--account", ACCOUNT).stdout.split()
    assert f"/{ACCOUNT}/2+" in key
    assert receipt_verify("--key", key, str(after)).returncode == 0
    verified = school.run("ledger", "verify", "--account", ACCOUNT, "--output", "json")
    assert verified.returncode == 0, verified.stdout


@pytest.mark.parametrize("way", ["folder", "command"])
def test_a_witness_gets_every_checkpoint(
    school: School, tmp_path: Path, until: Callable[..., object], way: str
) -> None:
    """What was signed lies where nobody here can correct it, commands included."""
    witness = tmp_path / "witness"
    witness.mkdir()
    if way == "folder":
        school.environment["INGESTD_EVIDENCE__WITNESS_FOLDER"] = str(witness)
    else:
        script = tmp_path / "keep.sh"
        script.write_text(
            f'#!/bin/sh\nmkdir -p "{witness}/$1"\n'
            f'cat > "{witness}/$1/$(printf %012d "$2").checkpoint"\n'
        )
        script.chmod(0o700)
        school.environment["INGESTD_EVIDENCE__WITNESS_COMMAND"] = json.dumps([str(script)])
    school.start()
    send(school, FILES[0])
    school.ask("payments", "add", *PAYMENT.split())
    home = witness / ACCOUNT
    # The imports of the catalog came before there was a key: the first checkpoint covers them.
    names = [f"{size:012}.checkpoint" for size in (4, 5)]
    until(
        lambda: (home.is_dir() and sorted(path.name for path in home.iterdir()) == names) or None,
        "both checkpoints at the witness",
    )
    until(
        lambda: all(path.read_bytes().endswith(b"\n") for path in home.iterdir()),
        "whole checkpoints",
    )
    code, answers = against(school, home)
    assert (code, sorted(answers)) == (0, names)
