"""What is sent to the API: read in one way, or refused; nothing of it becomes a fault."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ingestd.service.http import bounds
from tests.integration.api.conftest import JSON, ROOT, Program, program, reply_of
from tests.integration.console.conftest import Console
from tests.integration.http.peers import PATIENCE, ask

CASH = {"payer": "S1", "amount": "1.00", "method": "cash"}
RESTING = [
    *("'; DROP TABLE payment; --", "<script>alert(1)</script>", '=HYPERLINK("x")', "{{7*7}}"),
    *("../../etc/passwd", "%00", "ANONYMOUS\u202e", "S1\u0000", "\ud800", "\r\nSet-Cookie: a=b"),
    *("a" * 100, "a" * 101, "", " ", "student:", "\ufeffS1", "𝟙", "student:\udfff"),
]


async def refusal(asking: Program, body: bytes, path: str = "/payments", **headers: str) -> str:
    reply = await asking.send("POST", path, body, **{"content_type": JSON, **headers})
    assert 400 <= reply.status < 500, reply
    return f"{reply.status} {reply.code}"


BODIES = [
    (b"", "422 invalid"),
    (b"{", "400 malformed"),
    (b"null", "422 invalid"),
    (b"[]", "422 invalid"),
    (b'"x"', "422 invalid"),
    (b"[" * 60_000, "400 malformed"),
    (b'{"a":' * 10_000, "400 malformed"),
    (b'{"amount": ' + b"9" * 50_000 + b"}", "400 malformed"),
    (b'{"amount": NaN}', "400 malformed"),
    (b'{"amount": 1e999}', "422 invalid"),
    (b'{"payer": "S1", "payer": "S2", "amount": "1.00", "method": "cash"}', "400 malformed"),
    (json.dumps(CASH).encode("utf-16"), "400 malformed"),
    (b"\xef\xbb\xbf" + json.dumps(CASH).encode(), "400 malformed"),
    (b"\xff\xfe\xfa", "400 malformed"),
    (b"payer=S1&amount=1.00&method=cash", "400 malformed"),
    (b"{}" + b" " * bounds.BODY_BYTES_MAX, "413 too_large"),
]
FIELDS: list[tuple[dict[str, object], str]] = [
    ({"amount": 1.00}, "body.amount"),
    ({"amount": 1}, "body.amount"),
    ({"amount": "1,00"}, "body.amount"),
    ({"amount": "-1.00"}, "body.amount"),
    ({"amount": "1e2"}, "body.amount"),
    ({"amount": " 1.00"}, "body.amount"),
    ({"amount": "1.00\n"}, "body.amount"),
    ({"amount": "١.٠٠"}, "body.amount"),
    ({"amount": "9" * 400}, "body.amount"),
    ({"amount": None}, "body.amount"),
    ({"payer": ["S1"]}, "body.payer"),
    ({"payer": "S1\x00"}, "body.payer"),
    ({"payer": "\ud800"}, "body.payer"),
    ({"method": "CASH"}, "body.method"),
    ({"on": 20260302}, "body.on"),
    ({"on": "1772409600"}, "body.on"),
    ({"on": "2026-02-30"}, "body.on"),
    ({"on": "0001-01-01"}, "body.on"),
    ({"on": "2026-03-02T00:00:00"}, "body.on"),
    ({"amuont": "1.00"}, "body.amuont"),
    ({"entered_by": "admin"}, "body.entered_by"),
    ({"account": "SHELBYVILLE"}, "body.account"),
    ({"\ud800": "x"}, "body"),
]
SETTLEMENTS: list[dict[str, str]] = [
    {},
    {"payment": "P", "merchant": "M", "batch": "1"},
    {"merchant": "M"},
    {"batch": "1"},
    {"payment": "P", "expect_total": "1.00"},
    {"merchant": "M\x00", "batch": "1"},
]
HEADERS: list[dict[str, str]] = [
    {"content_type": "text/plain"},
    {"content_type": "application/x-www-form-urlencoded"},
    {"content_type": "application/json; charset=utf-16"},
    {"content_type": "application/json, text/plain"},
    {"content_type": ""},
    {"content_encoding": "gzip"},
    {"content_encoding": "identity, gzip"},
]
ADDRESSES = ["%00", "%ED%A0%80", "%2e%2e", "a%2Fb", "%FF", "%0d%0aX:1", "a'b"]


async def test_what_is_no_good_json_is_refused(console: Console) -> None:
    """Doubtful is no better than wrong: two readers would see two amounts."""
    asking = program(console)
    for body, told in BODIES:
        assert await refusal(asking, body) == told, body[:80]


async def test_a_field_means_what_it_says(console: Console) -> None:
    """A number is no amount, and a field that nobody knows is no comment."""
    asking = program(console)
    for change, where in FIELDS:
        reply = await asking.post("/payments", CASH | change)
        assert (reply.status, reply.code) == (422, "invalid"), change
        assert [one["where"] for one in reply.fields["errors"]] == [where]


async def test_a_settlement_is_of_one_payment_or_of_one_batch(console: Console) -> None:
    """What could be meant in two ways settles nothing."""
    asking = program(console)
    for order in SETTLEMENTS:
        assert (await asking.post("/settlements", order)).status == 422, order


async def test_a_body_of_another_type_is_refused(console: Console) -> None:
    """A form of a page that somebody was lured to is no order."""
    asking = program(console)
    for headers in HEADERS:
        told = await refusal(asking, json.dumps(CASH).encode(), **headers)
        assert told.startswith("415 "), headers


async def test_a_strange_name_stands_for_nobody(either: Console) -> None:
    """It is bound and never a part of a statement; on both databases it is no fault."""
    asking = program(either)
    for text in RESTING:
        for path, order in (
            ("/payments", CASH | {"payer": text}),
            ("/payments", CASH | {"payer": "ANONYMOUS", "for": text}),
            ("/sales", {"party": text, "billing_code": text}),
            ("/settlements", {"merchant": text, "batch": "1"}),
        ):
            reply = await asking.post(path, order)
            assert reply.status in {404, 422}, (path, reply)
            assert reply.code in {"unknown", "invalid"}


async def test_a_strange_address_is_of_nothing(either: Console) -> None:
    """Neither in a path nor behind its question mark."""
    asking = program(either)
    for text in ADDRESSES:
        for path in (f"/payments/{text}/void", f"/charges/{text}/void"):
            assert (await asking.post(path)).status in {404, 422}, path
        for path in (
            *(f"/parties/{text}", f"/uploads/{text}", f"/uploads/{text}/receipt"),
            *(f"/reports/{text}", f"/reports/items?party={text}", f"/parties?cursor={text}"),
            *(f"/reports/sales?as_known={text}", f"/payments?payer={text}"),
            *(f"/uploads?filename={text}", f"/uploads?cursor={text}"),
        ):
            assert (await asking.get(path)).status in {200, 404, 422}, path
        assert (await asking.put(f"student_billing{text}.csv", b"x")).status in {201, 404, 422}


async def test_a_body_that_does_not_come_is_not_waited_for(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who sends a byte a minute holds no thread and no lock."""
    monkeypatch.setattr(bounds, "BODY_SECONDS", 0.2)
    asking = program(console)
    head = (
        f"POST {ROOT}/payments HTTP/1.1\r\nhost: x\r\ncontent-type: {JSON}\r\n"
        f"authorization: Bearer {asking.token}\r\ncontent-length: 100\r\n\r\n{{"
    )
    reply = reply_of(await asyncio.wait_for(ask(console.port, head.encode()), PATIENCE))
    assert (reply.status, reply.code) == (408, "too_slow")
    assert reply.headers["connection"] == "close"


NAMES = ["payer", "amount", "method", "to", "for", "for_party", "id", "on", "reason"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


async def test_no_order_is_a_fault(console: Console) -> None:
    """Whatever stands in it is done, or refused with a code."""
    asking = program(console)
    orders: list[dict[str, object]] = []

    @settings(
        max_examples=40,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.dictionaries(st.sampled_from(NAMES), VALUES), st.booleans())
    def gather(order: dict[str, object], is_nearly_good: bool) -> None:
        orders.append((CASH if is_nearly_good else {}) | order)

    gather()
    for order in orders:
        body = json.dumps(order).encode()
        reply = await asking.send("POST", "/payments", body, content_type=JSON)
        assert 400 <= reply.status < 500, order
        assert reply.code
