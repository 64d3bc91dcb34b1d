"""PostgreSQL: the daemon's role as the operator's page sets it up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from ingestd.database import schema
from ingestd.database.engine import Database, open_database
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.service.installation.folder_ledger import FolderLedger
from ingestd.spool.folders import Folders
from ingestd.values.errors import DatabaseError, SchemaError
from tests.integration.database.conftest import Server
from tests.integration.office.conftest import Office, open_office

PAGE = Path(__file__).parents[3] / "docs" / "operate" / "README.md"
ROLE = "role_of_the_daemon"


@pytest.fixture
def role_database(server: Server | None) -> Iterator[Database]:
    """A migrated database, connected to as a role that has what the page grants and no more."""
    if server is None:
        pytest.skip("no PostgreSQL server here")
    block = re.findall(r"^```sql\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)[0]
    with server.database("pattern_migrated") as url:
        server.run(f"CREATE ROLE {ROLE} LOGIN")
        owner = open_database(url)
        name = make_url(url).database
        grants = block.replace("DATABASE ingestd", f"DATABASE {name}")
        with owner.writing() as connection:
            connection.exec_driver_sql(grants.replace("TO ingestd;", f"TO {ROLE};"))
        role = open_database(make_url(url).set(username=ROLE).render_as_string(False))
        yield role
        role.close()
        with owner.writing() as connection:
            connection.exec_driver_sql(f"DROP OWNED BY {ROLE}")
        owner.close()
        server.run(f"DROP ROLE {ROLE}")


@pytest.fixture
def office(role_database: Database, tmp_path: Path) -> Office:
    """An office whose every statement is sent as that role."""
    return open_office(role_database, tmp_path / "data")


def test_the_grants_on_the_page_are_enough_for_money(office: Office) -> None:
    """An operator who follows the page does not find out at the first payment."""
    office.charge("LIABILITY,C1,S1,LATE_FEE,5.00,2026-03-02", "WALLET,W1,S1,MEAL,3.00,2026-03-02")
    office.pay("P1", "COLL001", "5.00")
    office.settle("P1")
    assert office.statuses()["C1"] == ("paid", "0.00")
    office.bounce("P1", penalty="NSF_FEE")
    office.refund("W1")
    office.void("C1")
    assert office.statuses()["C1"] == ("void", "0.00")


def test_the_grants_on_the_page_are_enough_for_catalogs(office: Office) -> None:
    """A second import updates and removes, which a first one does not."""
    for pledges in ("7;8", "8;9"):
        name = f"with {pledges}"
        office.books.load(CatalogKind.PRODUCTS, [{"billing_code": "MEAL", "price": len(name)}])
        office.books.load(CatalogKind.PRODUCTS, [{"billing_code": "MEAL", "name": name}])
        office.books.load(CatalogKind.STUDENTS, [{"student_id": "S1", "name": name}])
        office.books.load(CatalogKind.PARENTS, [{"parent_code": "P1", "name": name}])
        office.books.load(CatalogKind.GL_ACCOUNTS, [{"gl_account": "4-80", "name": name}])
        office.books.load(CatalogKind.TAX_CODES, [{"tax_code": "GST", "name": name}])
        office.books.load(CatalogKind.MERCHANTS, [{"merchant_id": "M1", "description": name}])
        donor = {"donor_number": "42", "name": name, "pledges": pledges, "appeals": None}
        office.books.load(CatalogKind.DONORS, [donor])
    assert [row[2] for row in office.books.dump("donor_pledge")["donor_pledge"]] == ["8", "9"]


def test_init_works_as_the_daemons_role_once_the_schema_is_there(
    role_database: Database, tmp_path: Path
) -> None:
    """Every further node is set up without the owner's password."""
    ledger = FolderLedger(folders=Folders(tmp_path / "data"), database=role_database)
    assert ledger.make().ledger_id
    ledger.use()


def test_init_as_the_daemons_role_says_who_makes_the_schema(
    role_database: Database, server: Server
) -> None:
    """Permission denied for schema public: an operator would grant it, and regret it."""
    with server.database("pattern_empty") as url:
        database = open_database(make_url(url).set(username=ROLE).render_as_string(False))
        with pytest.raises(SchemaError, match="run ingestd db upgrade as that one"):
            schema.upgrade(database)
        database.close()


@pytest.mark.parametrize("table", ["charge", "posting", "payment", "allocation", "seal"])
def test_the_role_can_only_add_to_the_facts(office: Office, table: str) -> None:
    """A daemon that was broken into cannot rewrite the books."""
    for statement in (f"UPDATE {table} SET account = account", f"DELETE FROM {table}"):
        with (
            pytest.raises(DatabaseError, match="permission denied"),
            office.books.database.writing() as connection,
        ):
            connection.execute(sa.text(statement))
