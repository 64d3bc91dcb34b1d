"""Running it: health, metrics, the doctor, dry runs, lists, and what stdout may hold."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.conftest import School

NAME = "student_billing_check.csv"
ROWS = (
    "LIABILITY,C-1,00042,LOST_BOOK,,18.50,2025-03-02T14:38:02Z",
    "LIABILITY,C-1,00042,LOST_BOOK,,19.50,2025-03-02T14:38:02Z",
    "LIABILITY,C-2,99999,LOST_BOOK,,18.50,",
    "WALLET,C-3,00043,NO_SUCH_CODE,,1E+2,",
    "WALLET,C-4,00043,LATE_FEE,,,",
)
PARTS = {"sftp", "watcher", "workers", "intake", "database"}


@pytest.fixture(scope="module")
def receipt(shared_school: School) -> dict[str, Any]:
    """Send a file with findings; return its receipt."""
    shared_school.upload(shared_school.write(NAME, *ROWS))
    return shared_school.wait_until_receipt(NAME)


def curl(school: School, path: str) -> tuple[int, str]:
    """Ask over HTTP as a monitor does; return the status and the body."""
    url = f"http://127.0.0.1:{school.http_port}{path}"
    done = school.run_client("curl", "-sS", "-w", "\n%{http_code}", url)
    assert done.returncode == 0, done.stderr
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def test_healthz_says_that_the_process_lives(shared_school: School) -> None:
    """A supervisor knows when to restart."""
    assert curl(shared_school, "/healthz")[0] == 200


def test_readyz_says_ok_of_each_part(shared_school: School) -> None:
    """A load balancer knows where uploads will be taken."""
    status, body = curl(shared_school, "/readyz")
    answer = json.loads(body)
    assert (status, answer["ready"]) == (200, True)
    assert set(answer["checks"]) >= PARTS
    assert set(answer["checks"].values()) == {"ok"}


def test_whoever_was_let_in_sees_how_it_stands_and_no_child(
    shared_school: School, receipt: dict[str, Any], tmp_path: Path
) -> None:
    """A link on the command line, a password, and a page that names nobody; later, no way in."""
    assert receipt["account"] == "SPRINGFIELD"
    assert curl(shared_school, "/") == (303, "")
    added = shared_school.run("user", "add", "ada", "--role", "operator", "--output", "json")
    [told] = json.loads(added.stdout)
    assert (told["user"], told["roles"], told["password"]) == ("ada", "operator", "no")
    again = shared_school.run("user", "add", "ada", "--role", "operator")
    assert (again.returncode, again.stderr) == (2, "There is a user ada already.\n")
    kept = ("--cookie-jar", str(tmp_path / "jar"), "--cookie", str(tmp_path / "jar"))
    here = ("-sS", "--header", f"Origin: http://127.0.0.1:{shared_school.http_port}", *kept)
    fields = ("--data", "password=correct+horse+battery&again=correct+horse+battery")
    done = shared_school.run_client("curl", *here, *fields, told["link"])
    assert (done.returncode, done.stdout) == (0, "")
    # curl keeps a Secure cookie, and sends it by HTTPS alone: browsers know that loopback is safe.
    secret = (tmp_path / "jar").read_text().split()[-1]
    url = f"http://127.0.0.1:{shared_school.http_port}/"
    cookie = ("--header", f"Cookie: __Host-ingestd={secret}")
    page = shared_school.run_client("curl", "-sS", *cookie, url).stdout
    for text in ("All parts work.", "SPRINGFIELD", "processed with findings"):
        assert text in page
    for text in (NAME, "00042", "Marchetti"):
        assert text not in page
    signed_in = shared_school.log.wait_until_event("user_signed_in")
    assert (signed_in["user"], signed_in["peer"]) == ("ada", "127.0.0.1")
    assert shared_school.run("user", "disable", "ADA").returncode == 0
    assert shared_school.run_client("curl", "-sS", *cookie, url).stdout == ""
    row, first = json.loads(shared_school.run("user", "list", "--output", "json").stdout)
    assert (first["user"], first["roles"]) == ("admin", "admin")
    assert (row["user"], row["disabled"], row["password"]) == ("ada", "yes", "yes")
    [reset] = json.loads(shared_school.run("user", "reset", "ada", "--output", "json").stdout)
    assert (reset["disabled"], reset["password"]) == ("no", "no")
    assert reset["link"] != told["link"]
    roles = ("--role", "reader", "--account", "SPRINGFIELD", "--email", "ada@example.org")
    changed = shared_school.run("user", "change", "ada", *roles, "--output", "json")
    [told] = json.loads(changed.stdout)
    assert (told["roles"], told["email"]) == ("reader:SPRINGFIELD", "ada@example.org")
    for arguments, said in (
        (("change", "ada"), "Say what changes"),
        (("change", "ada", "--account", "SPRINGFIELD"), "An account is for a role"),
        (("change", "admin", "--role", "operator"), "the last admin"),
        (("disable", "admin"), "the last admin"),
        (("disable", "eve"), "There is no user eve."),
        (("add", "eve", "--role", "office"), "The role office is one in an account: name it."),
        (("add", "eve", "--role", "admin", "--account", "SPRINGFIELD"), "Operators and admins"),
        (("add", "eve", "--role", "office", "--account", "X"), "There is no account X."),
        (("add", "e ve", "--role", "admin"), "'e ve' cannot be signed in with"),
        (("add", "eve", "--role", "admin", "--email", "eve"), "'eve' is no e-mail address."),
    ):
        refused = shared_school.run("user", *arguments)
        assert refused.returncode == 2, arguments
        assert said in refused.stderr


def test_metrics_count_files_and_rows_and_name_no_child(
    shared_school: School, receipt: dict[str, Any]
) -> None:
    """A dashboard shows rejected rows, and may be shown on a wall."""
    status, body = curl(shared_school, "/metrics")
    assert status == 200
    lines = set(body.splitlines())
    for verdict in ("applied", "duplicate", "conflict", "rejected"):
        count = float(receipt["rows"][verdict])
        labels = f'account="SPRINGFIELD",outcome="{verdict}"'
        assert f"ingestd_rows_total{{{labels}}} {count}" in lines
    assert "00042" not in body
    assert "Marchetti" not in body


def test_of_an_unknown_page_strangers_learn_nothing(shared_school: School) -> None:
    """Whether there is such a page is told to whoever signed in."""
    assert curl(shared_school, "/no-such-page") == (303, "")


def test_the_doctor_finds_a_running_installation_well(shared_school: School) -> None:
    """After a change one command says whether all is well."""
    done = shared_school.run("doctor", "--output", "json")
    results = json.loads(done.stdout)
    assert (done.returncode, {row["ok"] for row in results}) == (0, {"ok"}), results
    assert {"config", "database", "daemon", "sftp"} <= {row["check"] for row in results}


def test_the_doctor_exits_1_when_nothing_runs(school: School) -> None:
    """A check from cron notices a daemon that is gone, and says how to start it."""
    done = school.run("doctor")
    assert done.returncode == 1
    assert "ingestd serve" in done.stdout


def test_a_dry_run_shows_the_receipt_to_come_and_stores_nothing(school: School) -> None:
    """A district tries a new export before it counts."""

    def same(told: dict[str, Any]) -> dict[str, Any]:
        # Nothing is signed that is not kept.
        changing = ("upload_id", "received_at", "finished_at", "seal")
        text = json.dumps({key: told[key] for key in told if key not in changing})
        # The second row contradicts the first, which is named by its upload.
        return dict(json.loads(text.replace(told["upload_id"], "UPLOAD")))

    path = school.write(NAME, *ROWS)
    before = hashlib.sha256((school.folder / "data" / "ledger.db").read_bytes()).digest()
    done = school.run("check", str(path), "--account", school.account)
    assert (done.returncode, done.stderr) == (1, "")
    after = hashlib.sha256((school.folder / "data" / "ledger.db").read_bytes()).digest()
    assert after == before
    school.start()
    school.upload(path)
    assert same(json.loads(done.stdout)) == same(school.wait_until_receipt(NAME))


def test_a_dry_run_of_a_good_file_exits_0(shared_school: School) -> None:
    """A script can ask before it sends."""
    path = shared_school.write("student_billing_good.csv", "LIABILITY,G-1,00042,LATE_FEE,,,")
    done = shared_school.run("check", str(path), "--account", shared_school.account)
    assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "processed")


def test_uploads_are_listed_with_what_became_of_their_rows(
    shared_school: School, receipt: dict[str, Any]
) -> None:
    """The office sees all of a district's files on one screen."""
    listed = shared_school.ask("uploads", "list", "--status", "processed_with_findings")
    assert [row["upload_id"] for row in listed] == [receipt["upload_id"]]
    counts = {name: listed[0][name] for name in ("applied", "duplicate", "conflict", "rejected")}
    assert counts | {"total": listed[0]["rows"]} == receipt["rows"]
    assert shared_school.ask("uploads", "list", "--status", "rejected") == []


def test_an_upload_without_rows_is_listed_with_the_same_keys(school: School) -> None:
    """A script that adds up rejected rows does not fall over a file that was refused whole."""
    school.start()
    school.upload(school.write("student_billing_good.csv", ROWS[0]))
    school.wait_until_receipt("student_billing_good.csv")
    empty = school.outbox / "student_billing_empty.csv"
    empty.write_bytes(b"")
    school.upload(empty)
    school.wait_until_receipt(empty.name)
    refused, good = school.ask("uploads", "list")
    assert refused.keys() == good.keys()
    assert (refused["status"], refused["rows"], refused["rejected"]) == ("rejected", None, None)


def test_one_upload_is_shown_with_its_origin_and_its_receipt(
    shared_school: School, receipt: dict[str, Any]
) -> None:
    """Who sent a file, from where, and what became of it, stands in one place."""
    shown = shared_school.ask("uploads", "show", receipt["upload_id"])
    assert shown["receipt"] == receipt
    assert (shown["peer"], shown["sha256"]) == ("127.0.0.1", receipt["sha256"])
    assert shown["key_fingerprint"].startswith("SHA256:")


def test_an_upload_that_does_not_exist_exits_2(shared_school: School) -> None:
    """A mistyped ID is no empty answer."""
    account = ("--account", shared_school.account)
    done = shared_school.run("uploads", "show", "01K0000000000000000000000", *account)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


def test_an_account_that_does_not_exist_exits_2_and_names_those_that_do(
    shared_school: School,
) -> None:
    """A typing error in a script is found at its first run."""
    done = shared_school.run("report", "items", "--account", "SPRNGFIELD", "--output", "json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "SPRINGFIELD" in done.stderr


def test_db_current_names_the_revision(shared_school: School) -> None:
    """Before an upgrade everybody knows where they stand."""
    done = shared_school.run("db", "current")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


@pytest.mark.parametrize(
    "command",
    ["account list", "config check", "allowlist test 127.0.0.1", "report balances --account A"],
)
def test_json_stands_alone_on_stdout(shared_school: School, command: str) -> None:
    """Every answer can be piped into jq."""
    words = command.replace("--account A", f"--account {shared_school.account}").split()
    done = shared_school.run(*words, "--output", "json")
    assert (done.returncode, done.stderr) == (0, "")
    json.loads(done.stdout)


def test_a_catalog_import_counts_its_rows_and_repeats_to_nothing(school: School) -> None:
    """A nightly import of the whole catalog says what was new, and changes nothing twice."""
    path = school.outbox / "more.csv"
    path.write_text("billing_code,name,price,valid_from\nBAND,Band,40.00,2020-01-01\n")
    command = ("catalog", "import", "products", str(path))
    first, second = school.ask(*command), school.ask(*command)
    counts = ("rows", "added", "changed", "unchanged", "rejected")
    assert [first[name] for name in counts] == [1, 1, 0, 0, 0]
    assert [second[name] for name in counts] == [1, 0, 0, 1, 0]
