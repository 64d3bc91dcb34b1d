"""The worked example once more, typed at the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ingestd.cli.app import main
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.service.installation.bootstrap import prepared_installation
from ingestd.service.installation.initialise import CONFIG_FILE, initialise
from tests.integration.ledger.conftest import Books, FakeClock
from tests.integration.office.conftest import CHARGE_HEADER, PRODUCTS, STUDENTS

YEAR = datetime.now(UTC).year - 1  # every day of the example is over, whenever this is run
CHARGES = (
    f"LIABILITY,C1,S1,LOST_BOOK,18.50,{YEAR - 1}-05-03",
    f"LIABILITY,C2,S1,CHROMEBOOK,,{YEAR - 1}-09-10",
    f"LIABILITY,C3,S2,LATE_FEE,5.00,{YEAR - 1}-09-12",
    f"LIABILITY,C4,S1,PROM,80.00,{YEAR}-03-01",
    f"WALLET,C5,S1,MEAL,3.25,{YEAR}-03-02",
)
Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A district whose charges are in the books; `ingestd` finds its config."""
    initialise(tmp_path)
    config = tmp_path / "config" / CONFIG_FILE
    monkeypatch.setenv("INGESTD_CONFIG", str(config))
    monkeypatch.setattr(
        "sys.argv",
        ["ingestd", "account", "add", "A", "--name", "A", "--timezone", "America/Chicago"],
    )
    with pytest.raises(SystemExit):
        main()
    with prepared_installation(config) as installation:
        account = installation.account("A")
        books = Books(
            database=installation.database,
            folder=tmp_path / "books",
            account=account,
            clock=FakeClock(datetime.now(UTC)),
        )
        books.folders.create_for(account.account_id)
        books.load(CatalogKind.PRODUCTS, PRODUCTS)
        books.load(CatalogKind.STUDENTS, STUDENTS)
        books.post(*CHARGES, header=CHARGE_HEADER)
    return config


@pytest.fixture
def ingestd(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Ask:
    """Run `ingestd` on the account's books; return its answer, or its exit code and complaint."""
    capsys.readouterr()

    def ask(command: str) -> dict[str, Any]:
        words = [*command.split(), "--account", "A", "--output", "json"]
        monkeypatch.setattr("sys.argv", ["ingestd", *words, "--config", str(config)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        if ended.value.code:
            return {"exit": str(ended.value.code), "says": printed.err.strip()}
        answer = json.loads(printed.out)
        return {"listed": answer} if isinstance(answer, list) else dict(answer)

    return ask


def day(month_and_day: str) -> str:
    return f"--on {YEAR}-{month_and_day}"


def balances(ingestd: Ask) -> dict[tuple[str, str], str]:
    rows = ingestd("report balances")["rows"]
    return {(row["party"], row["account_type"]): row["balance"] for row in rows}


def test_the_worked_example_can_be_typed(ingestd: Ask) -> None:
    """Scripts of a business office find the keys that the documentation promises."""
    answer = ingestd(f"payments add --payer COLL001 --amount 100.00 --method echeck {day('03-05')}")
    first = answer["payment_id"]
    assert answer == {"payment_id": first, "status": "pending"}
    answer = ingestd(f"payments settle --payment {first} {day('03-09')}")
    assert answer == {"payment_id": first, "status": "settled"}
    add = "payments add --method echeck"
    ingestd(f"{add} --payer COLL001 --amount 80.00 --for C4 --id P2 {day('03-10')}")
    ingestd(f"{add} --payer S1 --amount 20.00 --to WALLET --id P3 {day('03-10')}")
    ingestd(f"payments settle --payment P3 {day('03-11')}")
    assert balances(ingestd)["S1", "WALLET"] == "16.75"
    ingestd(f"payments settle --payment P2 {day('03-13')}")

    answer = ingestd(
        f"payments return --payment {first} --reason NSF --penalty NSF_FEE {day('03-20')}"
    )
    assert set(answer) == {"payment_id", "status", "penalty_tracking_id"}
    assert answer["status"] == "returned"
    answer = ingestd(f"charges void --tracking-id C3 {day('03-22')}")
    assert answer["tracking_id"] == "C3"
    ingestd(f"charges void --tracking-id C4 {day('03-25')}")
    assert balances(ingestd)["S1", "WALLET"] == "96.75"

    answer = ingestd(
        "sales add --party ANONYMOUS --billing-code MEAL --amount 3.50 --paid cash " + day("03-26")
    )
    assert answer["party"] == "ANONYMOUS"
    assert "tracking_id" in answer
    answer = ingestd(f"sales add --party guest --billing-code SUMMER --name Gil {day('03-27')}")
    guest = answer["party"]
    ingestd(f"{add} --payer {guest} --amount 120.00 --id P4 {day('03-27')}")
    ingestd(f"payments settle --payment P4 {day('03-30')}")
    ingestd(f"payments return --payment P4 --penalty NSF_FEE {day('04-02')}")
    ingestd(f"payments return --payment P2 {day('04-06')}")
    assert balances(ingestd) == {
        ("ANONYMOUS", "WALLET"): "0.00",
        ("COLL001", "LIABILITY"): "-25.00",
        (guest, "LIABILITY"): "-145.00",
        ("S1", "LIABILITY"): "-268.50",
        ("S1", "WALLET"): "16.75",
        ("S2", "LIABILITY"): "0.00",
    }


def test_a_penalty_by_hand_tells_its_tracking_id(ingestd: Ask) -> None:
    """Repeated under its own ID it is charged once; the option is called as for payments, too."""
    penalty = f"charges penalty --party COLL001 --billing-code NSF_FEE {day('03-20')}"
    for option in ("--tracking-id", "--id", "--id"):
        answer = ingestd(f"{penalty} {option} N1")
        assert answer["tracking_id"] == "N1"
    assert balances(ingestd)["COLL001", "LIABILITY"] == "-25.00"
    assert ingestd(f"{penalty}")["tracking_id"].startswith("PENALTY-")


def test_cash_settles_when_it_is_received(ingestd: Ask) -> None:
    """Nobody confirms what is in the drawer."""
    answer = ingestd("payments add --payer S1 --amount 18.50 --method cash --id K1")
    assert answer == {"payment_id": "K1", "status": "settled"}
    assert ingestd("payments add --payer S1 --amount 18.50 --method cash --id K1") == answer


def test_refusals_and_mistakes_have_their_own_exit_codes(ingestd: Ask) -> None:
    """A script knows what to do without reading English."""
    ingestd("payments add --payer S1 --amount 5.00 --method cash --id K1")
    assert ingestd("payments settle --payment K1") == {"payment_id": "K1", "status": "settled"}
    refused = ingestd("payments settle --payment K1 --on 2026-01-05")
    assert refused["exit"] == "1"
    assert "settled on" in refused["says"]
    assert ingestd("payments settle --payment NONE")["exit"] == "2"
    assert ingestd("payments settle --merchant M")["exit"] == "2"
    assert ingestd("payments add --payer S1 --amount 5.00 --method gold")["exit"] == "2"
    assert ingestd("payments add --payer S1 --amount 5.00 --method cash --on 03/05")["exit"] == "2"


def test_what_cannot_be_seen_is_told_in_one_line(ingestd: Ask) -> None:
    """A name that was pasted with more than its letters takes no terminal over."""
    unseen = "S\x1b[31m\u202eX"
    told = ingestd(f"payments add --payer {unseen} --amount 5.00 --method cash")
    assert told["exit"] == "2"
    assert told["says"].startswith("Nobody is called S\\u001b[31m\\u202eX.")
    assert ingestd("payments settle --payment P\udcff") == {
        "exit": "2",
        "says": r"'P\udcff' is no text. Type it as UTF-8.",
    }


def test_a_mistyped_year_is_no_day(ingestd: Ask) -> None:
    """Nothing posted is ever changed: a slip of the keyboard is not to stay in the books."""
    mistyped = ingestd("payments add --payer S1 --amount 5.00 --method cash --on 0206-03-05")
    assert mistyped == {
        "exit": "2",
        "says": "--on 0206-03-05 lies before 1990. Correct the year.",
    }
    assert ingestd("payments list") == {"listed": []}


def test_lists_show_what_there_is_and_how_far_it_is(ingestd: Ask) -> None:
    """A script settles what is pending, and reminds of what is unpaid, without knowing IDs."""
    ingestd("payments add --payer S1 --amount 18.50 --method cash --id K1")
    ingestd("payments add --payer COLL001 --amount 5.00 --method check --id K2")
    assert [row["payment_id"] for row in ingestd("payments list")["listed"]] == ["K1", "K2"]
    [pending] = ingestd("payments list --status pending")["listed"]
    assert (pending["payment_id"], pending["payer"], pending["kind"]) == ("K2", "COLL001", "check")
    charges = ingestd("charges list")["listed"]
    assert {row["tracking_id"]: row["status"] for row in charges} == {
        "C1": "paid",
        **dict.fromkeys(("C2", "C3", "C4", "C5"), "unpaid"),
    }
    [late] = ingestd("charges list --party S2 --status unpaid")["listed"]
    assert late["tracking_id"] == "C3"


def test_what_must_be_paid_to_buy_is_asked_without_writing(ingestd: Ask) -> None:
    """Past debt comes first, unless the school lets this product be paid in installments."""
    quote = ingestd("ledger quote --party S1 --billing-code PROM")
    assert (quote["price"], quote["past_due"], quote["to_pay"]) == ("80.00", "353.50", "433.50")
    assert ingestd("ledger quote --party NOBODY --billing-code PROM")["exit"] == "2"
    assert ingestd("ledger quote --party S1 --billing-code NOTHING")["exit"] == "2"
    assert ingestd("ledger verify")["holds"] is True
