"""What a program asks for is what the office types: the same postings, the same refusals."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingestd.access.keeper import AccessKeeper
from ingestd.console.api.entrance import ApiEntrance
from ingestd.service.daemon.bounds import door_limits
from ingestd.service.daemon.supervisor import Surroundings
from ingestd.service.files.receiving import Receiver
from ingestd.service.http.bounds import Bounds
from ingestd.service.http.health import Health
from ingestd.service.installation.bootstrap import prepared_installation
from ingestd.service.people.audit import Doer, Via
from ingestd.service.people.scopes import TokenScope
from ingestd.service.people.tokens import TokenKeeper
from ingestd.sftp.uploads.lifecycle import Uploads
from ingestd.telemetry.metrics import Metrics
from ingestd.values.identifiers import AccountId
from tests.integration.api.typed import DEEDS, TypedProgram
from tests.integration.office.desk import Desk, desk, empty_database
from tests.integration.office.test_second_example import (
    test_a_month_of_an_office_can_be_typed as tell_a_month,
)

__all__ = ["desk", "empty_database"]


@pytest.fixture
def asked(desk: Desk) -> Iterator[tuple[Desk, TypedProgram]]:
    """The same district, at whose desk a program does what the API can."""
    with prepared_installation(Path(os.environ["INGESTD_CONFIG"])) as installation:
        keeper, metrics = AccessKeeper(installation.access), Metrics()
        folders, limits = installation.folders, door_limits(installation.settings)
        uploads = Uploads(
            folders=folders,
            keeper=keeper,
            limits=limits,
            clock=installation.clock,
            metrics=metrics,
        )
        surroundings = Surroundings(
            installation=installation,
            keeper=keeper,
            health=Health(checks={}, pending=list, metrics=metrics),
            receiver=Receiver(uploads=uploads, folders=folders, keeper=keeper, limits=limits),
        )
        made = TokenKeeper(installation.database, installation.clock).add(
            "erp", TokenScope, [AccountId("A")], by=Doer(name="test", via=Via.COMMAND)
        )
        program = TypedProgram(Bounds(ApiEntrance(surroundings)), made.written)

        def run(command: str) -> tuple[int, dict[str, Any]]:
            way = program if program.understands(command) else desk
            return way.run(command)

        yield replace(desk, run=run), program


def test_a_month_of_an_office_can_be_asked_for_by_a_program(
    asked: tuple[Desk, TypedProgram],
) -> None:
    """The books are to the cent those of the month that is typed, and say who wrote them."""
    office, program = asked
    tell_a_month(office)
    assert len(program.deeds) > 30
    authors = {by for (by,) in office.office.rows("SELECT DISTINCT entered_by FROM entry")}
    assert "token:erp" in authors


def test_what_takes_back_does_so_once_and_is_refused_by_the_same_code(
    asked: tuple[Desk, TypedProgram],
) -> None:
    """Every deed that the month does not need, twice: the second answer is the first."""
    office, program = asked
    pay = "payments add --payer KIM001 --amount 10.00 --method check --id"
    assert office.ask(f"{pay} P1") == office.ask(f"{pay} P1")
    for _ in range(2):
        assert office.ask("payments void --payment P1")["status"] == "voided"
    assert office.refused("payments settle --payment P1")["code"] == "contradicts"
    changed = office.refused(f"{pay.replace('10.00', '11.00')} P1")
    assert changed == {"status": "refused", "code": "other_content"}
    penalty = "charges penalty --party KIM001 --billing-code LATE_FEE --id L1"
    assert office.ask(penalty) == office.ask(penalty) == {"tracking_id": "L1", "party": "KIM001"}
    for _ in range(2):
        assert office.ask("charges void --tracking-id L1")["status"] == "void"
    assert office.run("payments void --payment nobody")[0] == 2
    assert office.run("payments add --payer nobody --amount 1.00 --method cash")[0] == 2
    assert office.run("payments add --payer KIM001 --amount 0 --method cash")[0] == 2
    reply = program.ask("POST", "/payments", {"payer": "KIM001", "amount": "0", "method": "cash"})
    assert reply.fields["detail"] == "`amount` is more than nothing. Correct it."


def test_every_deed_of_the_office_can_be_asked_for(asked: tuple[Desk, TypedProgram]) -> None:
    """An option that a command has is a field of the request."""
    _, program = asked
    described = program.ask("GET", "/openapi.json").fields
    posts = {
        path.removeprefix("/api/v1")
        for path, operations in described["paths"].items()
        if "post" in operations
    }
    names = {"{payment}": "{payment_id}", "{payout}": "{payout_id}"}
    deeds = set()
    for path in DEEDS.values():
        for typed, field in names.items():
            path = path.replace(typed, field)  # noqa: PLW2901 - the same path
        deeds.add(path)
    assert posts == deeds | {"/check"}
