"""Ways: from each figure of a report to what it is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from urllib.parse import urlencode

from ingestd.console.office.cells import Row, Way, is_number, path_of, way_by_name
from ingestd.reports.figures.report import Question
from ingestd.values.clock import format_instant

_FIGURE_OF = MappingProxyType({"tax": "sales_tax"})
_BY_PRODUCT = MappingProxyType(
    {"billing_code": "product", "vendor": "vendor", "gl_account": "gl_of_product"}
)
_HAPPENED = frozenset({"received", "settled", "returned"})


def ways_of(name: str, question: Question) -> Way:
    """Return where the cells of a report lead."""
    figure_way = _FIGURES.get(name)
    times = _times(question)

    def way(row: Row, column: str) -> str | None:
        if is_number(column) and figure_way is not None:
            return figure_way(row, column, question, times)
        if column == "billing_code":
            return _asking("/reports/items", {"product": row[column], **times})
        return way_by_name(row, column)

    return way


def way_of_total(name: str, column: str, question: Question) -> str | None:
    """Return where a total leads that is a figure of its own."""
    if name == "revenue" and column in {"realised", "discounts", "bad_debts"}:
        return _asking("/ledger/lines", {"figure": column, **_times(question)})
    return None


def _times(question: Question) -> dict[str, object]:
    """Return what keeps another page to the same days and the same knowledge."""
    since, until = question.since, question.until
    return {
        "period": f"{since or ''}..{until or ''}" if since or until else None,
        "as_of": question.as_of,
        "as_known": format_instant(question.as_known),
    }


def _asking(path: str, asked: Mapping[str, object]) -> str:
    pairs = {name: str(value) for name, value in asked.items() if value is not None}
    return f"{path}?{urlencode(pairs)}"


FigureWay = Callable[[Row, str, Question, Mapping[str, object]], str | None]


def _sales(row: Row, column: str, question: Question, times: Mapping[str, object]) -> str:
    [key] = [name for name in row if not is_number(name)]
    asked: dict[str, object] = {
        **times,
        "figure": _FIGURE_OF.get(column, column),
        "product": question.product,
        "source": question.source,
    }
    if key == "day":
        asked["period"] = row[key]
    elif key == "source":
        asked["source"] = row[key]
    else:
        asked[_BY_PRODUCT[key]] = row[key]
    if asked["source"] is not None and column in {"net", "tax"}:
        # Its lines are too many to be looked up one by one: first by product.
        return _asking("/reports/sales", {**times, "by": "product", "source": asked["source"]})
    return _asking("/ledger/lines", asked)


def _revenue(row: Row, column: str, question: Question, times: Mapping[str, object]) -> str:
    [key] = [name for name in row if not is_number(name)]
    figure = "revenue_tax" if column == "tax" else column
    return _asking("/ledger/lines", {**times, "figure": figure, _BY_PRODUCT[key]: row[key]})


def _tax(row: Row, column: str, question: Question, times: Mapping[str, object]) -> str:
    figure = column if column.startswith("sold") else "held_2200"
    return _asking("/ledger/lines", {**times, "figure": figure, "tax_code": row["tax_code"]})


def _held(row: Row, column: str, question: Question, times: Mapping[str, object]) -> str:
    asked = {name: row[name] for name in ("party", "tax_code", "gl_account")}
    return _asking("/ledger/lines", {**times, "figure": f"held_{row['account']}", **asked})


def _collections(row: Row, column: str, question: Question, times: Mapping[str, object]) -> str:
    by = question.by or "settled"
    if by in _HAPPENED:
        asked = {name: row[name] for name in ("merchant_id", "batch_num")}
        return _asking(
            "/payments",
            {"happened": by, "period": row["day"], "kind": row["method"], **asked},
        )
    if by == "deposited":
        return _asking("/ledger/lines", {**times, "figure": "deposited", "period": row["day"]})
    return _asking("/reports/payouts", {"as_of": question.as_of})


def _aging(row: Row, column: str, question: Question, times: Mapping[str, object]) -> str:
    start, _, end = str(row["bucket"]).partition("-")
    youngest = question.as_of - timedelta(days=int(start.rstrip("+")))
    oldest = question.as_of - timedelta(days=int(end)) if end else None
    asked = {"party": question.party, "family": question.family}
    period = f"{oldest or ''}..{youngest}"
    return _asking("/reports/items", {**times, "period": period, "status": "open", **asked})


def _party_of(row: Row, column: str, question: Question, times: Mapping[str, object]) -> str:
    return path_of("/parties", row.get("party") or row["family"])


def _charge(row: Row, column: str, question: Question, times: Mapping[str, object]) -> str:
    return path_of("/trace", row.get("tracking_id") or row["payout_id"])


def _payment(row: Row, column: str, question: Question, times: Mapping[str, object]) -> str:
    return path_of("/payments", row["payment_id"])


def _statement(
    row: Row, column: str, question: Question, times: Mapping[str, object]
) -> str | None:
    if row["tracking_id"]:
        return path_of("/trace", row["tracking_id"])
    return path_of("/payments", row["payment_id"]) if row["payment_id"] else None


def _changes(row: Row, column: str, question: Question, times: Mapping[str, object]) -> str:
    return path_of("/ledger/batches", row["batch_no"])


def _pledges(row: Row, column: str, question: Question, times: Mapping[str, object]) -> str:
    asked = {"donor": row["donor_number"], "pledge": row["pledge_number"]}
    return _asking("/payments", asked)


_FIGURES: Mapping[str, FigureWay] = MappingProxyType(
    {
        "sales": _sales,
        "payments": _payment,
        "items": _charge,
        "balances": _party_of,
        "revenue": _revenue,
        "aging": _aging,
        "arrears": _party_of,
        "statement": _statement,
        "collections": _collections,
        "payouts": _charge,
        "held": _held,
        "pledges": _pledges,
        "changes": _changes,
        "tax": _tax,
    }
)
