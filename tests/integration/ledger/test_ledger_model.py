"""The ledger against a plain model, for many small files."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestd.access.accounts import FilePolicy, Policy, StudentPolicy
from ingestd.database.engine import Database
from ingestd.ledger.outcomes.file_outcomes import FileOutcome
from ingestd.values.identifiers import AccountId
from ingestd.values.money import format_amount
from tests.chaos import TIMES
from tests.integration.ledger.conftest import Books, open_books, springfield

pytestmark = pytest.mark.chaos

PRICES = {"MEAL": 325, "FREE": 0, "UNPRICED": None}
AMOUNTS = {"": None, "0.00": 0, "1.5": 150, "1.50": 150, "9999999999.99": 999_999_999_999}

_examples = itertools.count()
small = settings(
    max_examples=25 * TIMES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@dataclass(frozen=True)
class ModelRow:
    account_type: str
    key: str
    student: str
    product: str
    note: str
    amount: str

    def __str__(self) -> str:
        fields = (self.account_type, self.key, self.student, self.product, self.note, self.amount)
        return ",".join(fields)

    @property
    def content(self) -> tuple[object, ...]:
        amount = AMOUNTS[self.amount]
        return self.account_type, self.student, self.product, self.note, amount

    @property
    def charged(self) -> int | None:
        amount = AMOUNTS[self.amount]
        return PRICES.get(self.product) if amount is None else amount


@dataclass
class Model:
    """What a ledger is, in a dictionary."""

    policy: Policy
    charges: dict[str, ModelRow] = field(default_factory=dict)

    def post(self, rows: Sequence[ModelRow]) -> Counter[str]:
        first: dict[str, ModelRow] = {}
        verdicts: list[str] = []
        for row in rows:
            known = self.charges.get(row.key) or first.get(row.key)
            if self._is_bad(row):
                verdicts.append("rejected")
            elif known is None:
                first[row.key] = row
                verdicts.append("applied")
            else:
                verdicts.append("duplicate" if known.content == row.content else "conflict")
        is_bad = bool({"rejected", "conflict"} & set(verdicts))
        if self.policy.file is FilePolicy.ALL_OR_NOTHING and is_bad:
            return Counter(rejected=len(rows))
        self.charges |= first
        return Counter(verdicts)

    def _is_bad(self, row: ModelRow) -> bool:
        is_known = row.student in {"S1", "S2"} or self.policy.students is StudentPolicy.REGISTER
        is_student = row.student != "ANONYMOUS" and is_known
        return not is_student or row.product not in PRICES or row.charged is None

    def balances(self) -> dict[tuple[str, str], str]:
        sums: Counter[tuple[str, str]] = Counter()
        for row in self.charges.values():
            sums[row.student, row.account_type] -= row.charged or 0
        return {party: format_amount(cents) for party, cents in sums.items() if cents}


model_rows = st.builds(
    ModelRow,
    account_type=st.sampled_from(["WALLET", "LIABILITY"]),
    key=st.sampled_from(["K1", "K2", "k2", "é", "😀"]),
    student=st.sampled_from(["S1", "S1", "S2", "S2", "S9", "ANONYMOUS"]),
    product=st.sampled_from(["MEAL", "MEAL", "FREE", "UNPRICED", "NOPE"]),
    note=st.sampled_from(["", "", "x"]),
    amount=st.sampled_from(list(AMOUNTS)),
)
files = st.lists(st.lists(model_rows, max_size=7), min_size=1, max_size=4)
policies = st.builds(
    Policy, students=st.sampled_from(StudentPolicy), file=st.sampled_from(FilePolicy)
)


def new_books(database: Database, folder: Path, policy: Policy) -> Books:
    """Open books for an account of its own, which is as good as a database of its own."""
    name = f"A{next(_examples)}"
    account = replace(springfield(), account_id=AccountId(name), policy=policy)
    return open_books(database, folder / name, account=account)


def counted(outcome: FileOutcome) -> Counter[str]:
    rows = outcome.rows
    assert rows is not None
    return +Counter(
        applied=rows.applied,
        duplicate=rows.duplicate,
        conflict=rows.conflict,
        rejected=rows.rejected,
    )


@small
@given(files=files, policy=policies)
def test_the_ledger_does_what_the_model_does(
    database: Database, tmp_path: Path, files: list[list[ModelRow]], policy: Policy
) -> None:
    """Counts, charges and balances are right for every file, and no file counts twice."""
    books, model = new_books(database, tmp_path, policy), Model(policy)
    for rows in files:
        outcome = books.post(*map(str, rows))
        assert counted(outcome) == model.post(rows)
        assert sum(counted(outcome).values()) == len(rows)
    charged = {item["tracking_id"]: item["amount"] for item in books.items()}
    assert charged == {k: format_amount(r.charged or 0) for k, r in model.charges.items()}
    assert books.balances() == model.balances()
    facts = books.dump("charge", "posting", "party", "student")
    for rows in files:
        assert counted(books.post(*map(str, rows)))["applied"] == 0
    assert books.dump("charge", "posting", "party", "student") == facts


@small
@given(
    rows=st.lists(model_rows, max_size=6, unique_by=lambda row: row.key),
    data=st.data(),
)
def test_split_or_shuffled_a_file_comes_to_the_same_balances(
    database: Database, tmp_path: Path, rows: list[ModelRow], data: st.DataObject
) -> None:
    """It does not matter in which order, or in how many files, an export writes its rows."""
    policy = Policy(students=StudentPolicy.REGISTER)
    whole = new_books(database, tmp_path, policy)
    whole.post(*map(str, rows))
    shuffled = new_books(database, tmp_path, policy)
    shuffled.post(*map(str, data.draw(st.permutations(rows))))
    split = new_books(database, tmp_path, policy)
    at = data.draw(st.integers(0, len(rows)))
    split.post(*map(str, rows[:at]))
    split.post(*map(str, rows[at:]))
    assert whole.balances() == shuffled.balances() == split.balances()
