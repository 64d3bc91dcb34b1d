"""Districts and addresses, changed at the console: seen first, judged, kept, taken back."""

from __future__ import annotations

import asyncio
import html
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ingestd.access.passwords import hash_password
from ingestd.console.page.threads import read
from ingestd.service.in_force.config_check import look_around
from ingestd.service.in_force.last_good import LastGood
from ingestd.service.people.audit import list_audit
from ingestd.service.people.roles import Role, RoleKind
from ingestd.values.identifiers import AccountId
from tests.integration.console.conftest import PASSWORD, SPRINGFIELD, Answer, Console, Visitor
from tests.public_keys import ED25519, line_of

KEY = line_of(ED25519)
COMMENTED = """\
# who may connect
everyone = [] # nobody
deny = ["198.51.100.7"]

[accounts]
# the district's own line
SPRINGFIELD = ["203.0.113.16/28"] # office
SHELBYVILLE = []
"""


def folder(console: Console) -> Path:
    return console.installation.config_path.parent


def put_in_force(console: Console) -> None:
    """Do what the daemon does within two seconds of a save."""
    look = look_around(console.installation.config_path)
    LastGood(console.installation.settings.data_dir).keep(look.good)
    console.keeper.replace(look.access)


@pytest.fixture
async def admin(console: Console) -> Visitor:
    """Return an admin at the console of a folder whose files are in force."""
    (folder(console) / "allowlist.toml").write_text(COMMENTED)
    put_in_force(console)
    return await console.let_in("root")


def hidden(text: str) -> dict[str, str]:
    """Return the hidden fields of the page's last form, as a browser sends them."""
    form = text.rpartition("<form")[2]
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form)
    return {name: html.unescape(value) for name, value in found}


async def save(visitor: Visitor, path: str, fields: dict[str, str]) -> Answer:
    """Ask for a change, look at it, and save it."""
    shown = await visitor.post(path, fields)
    assert (shown.status, "Nothing is saved yet" in shown.text) == (200, True), shown.text
    return await visitor.post(path, hidden(shown.text) | {"save": "yes"})


def values(console: Console, name: str = "allowlist.toml") -> dict[str, Any]:
    return tomllib.loads((folder(console) / name).read_text("utf-8"))


async def test_an_address_is_added_and_removed_with_the_comments_kept(
    console: Console, admin: Visitor
) -> None:
    """What would change is seen before it is saved, and nothing else changes."""
    path = folder(console) / "allowlist.toml"
    fields = {"list": "accounts.SPRINGFIELD", "network": "2001:db8:51::/48"}
    shown = await admin.post("/allowlist/add", fields)
    assert path.read_text() == COMMENTED
    lines = re.findall(r"<td>(added|removed)</td>.*?<code>(.*?)</code>", shown.text)
    assert [kind for kind, _ in lines] == ["removed", "added"]
    saved = await admin.post("/allowlist/add", hidden(shown.text) | {"save": "yes"})
    assert (saved.status, saved.way) == (303, "/allowlist?saved=yes")
    assert path.read_text() == COMMENTED.replace(
        '["203.0.113.16/28"]', '["203.0.113.16/28", "2001:db8:51::/48"]'
    )
    put_in_force(console)
    asked = await admin.get("/allowlist?address=2001:db8:51::1&as=SPRINGFIELD")
    assert (
        "may try SPRINGFIELD; it is listed: 2001:db8:51::/48 in accounts.SPRINGFIELD (line 7)"
        in (asked.text)
    )
    await save(admin, "/allowlist/remove", fields)
    assert path.read_text() == COMMENTED
    with console.database.reading() as connection:
        kept = [
            (one.by, one.account, one.detail["change"])
            for one in list_audit(connection, limit=9, deed="allowlist_saved")
        ]
    assert kept == [("root", SPRINGFIELD, 2), ("root", SPRINGFIELD, 1)]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"list": "accounts.SPRINGFIELD", "network": "203.0.113.17/28"}, "has host bits set"),
        ({"list": "accounts.SPRINGFIELD", "network": "203.0.113.16/28"}, "Nothing would change"),
        ({"list": "accounts.NOWHERE", "network": "192.0.2.1"}, "is no account of accounts.toml"),
        ({"list": "accounts.SPRINGFIELD", "network": "0.0.0.0/1"}, "a large part of all"),
        ({"list": "accounts.SPRINGFIELD", "network": ""}, "An address is missing"),
        ({"list": "elsewhere", "network": "192.0.2.1"}, "is no list of addresses"),
    ],
)
async def test_what_config_check_would_refuse_is_refused_here(
    console: Console, admin: Visitor, fields: dict[str, str], told: str
) -> None:
    """In the same words, before anything is shown as saved."""
    for more in ({}, {"save": "yes"}):
        answer = await admin.post("/allowlist/add", fields | more)
        assert (answer.status, told in html.unescape(answer.text)) == (422, True)
    assert (folder(console) / "allowlist.toml").read_text() == COMMENTED


INJECTED = '"]\neveryone = ["0.0.0.0/0"]\n[x]\n# '
KEYS_PATH = "/districts/SPRINGFIELD/keys"
POLICY_PATH = "/districts/SPRINGFIELD/policy"
GOOD_ACCOUNT = {"id": "NEW", "name": "New", "timezone": "UTC", "currency": "USD"}


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/allowlist/add", {"list": "accounts.SPRINGFIELD", "network": f"192.0.2.1{INJECTED}"}),
        ("/allowlist/add", {"list": f"accounts.X{INJECTED}", "network": "192.0.2.1"}),
        ("/allowlist/remove", {"list": f"accounts.X{INJECTED}", "network": "192.0.2.1"}),
        ("/accounts/new", GOOD_ACCOUNT | {"id": f"NEW{INJECTED}"}),
        ("/accounts/new", GOOD_ACCOUNT | {"name": f"New{INJECTED}"}),
        ("/accounts/new", GOOD_ACCOUNT | {"timezone": f"UTC{INJECTED}"}),
        ("/accounts/new", GOOD_ACCOUNT | {"currency": f"USD{INJECTED}"}),
        ("/accounts/new", GOOD_ACCOUNT | {"networks": f"192.0.2.1{INJECTED}"}),
        (KEYS_PATH, {"key": f"{KEY}{INJECTED}"}),
        (POLICY_PATH, {"policy": "encoding", "value": f"utf-8{INJECTED}"}),
        (POLICY_PATH, {"policy": f"encoding{INJECTED}", "value": "utf-8"}),
    ],
)
async def test_nothing_that_is_typed_becomes_toml(
    console: Console, admin: Visitor, path: str, fields: dict[str, str]
) -> None:
    """Quotes, line breaks and tables stay text, and are refused as such."""
    before = {each.name: each.read_bytes() for each in folder(console).glob("*.toml")}
    answer = await admin.post(path, fields | {"save": "yes"})
    assert answer.status == 422
    assert before == {each.name: each.read_bytes() for each in folder(console).glob("*.toml")}


async def test_text_that_looks_like_toml_is_kept_as_text(console: Console, admin: Visitor) -> None:
    """A label or a name may hold quotes, brackets and markup; pages show them as such."""
    label = 'Balance "due" ] [x] = \\ <script>'
    await save(admin, POLICY_PATH, {"policy": "ignore_columns", "value": f"{label}\nother"})
    await save(admin, "/accounts/new", GOOD_ACCOUNT | {"name": '<b>"New" [x]</b>'})
    found = values(console, "accounts.toml")
    assert found["SPRINGFIELD"]["policy"] == {"ignore_columns": [label, "other"]}
    assert found["NEW"]["name"] == '<b>"New" [x]</b>'
    put_in_force(console)
    for page in ("/accounts", "/districts/NEW", "/users", "/invitations/new", "/accounts/edit"):
        shown = (await admin.get(page)).text
        assert "<b>" not in shown
        assert "<script>" not in shown


async def test_an_account_is_added_in_both_files_or_in_none(
    console: Console, admin: Visitor
) -> None:
    """As by command; and a key and a policy of it are changed afterwards."""
    fields = GOOD_ACCOUNT | {"keys": KEY, "networks": "192.0.2.0/24\n2001:db8::1"}
    await save(admin, "/accounts/new", fields)
    assert values(console)["accounts"]["NEW"] == ["192.0.2.0/24", "2001:db8::1"]
    put_in_force(console)
    [key] = console.keeper.current.accounts[AccountId("NEW")].authorized_keys
    removed = await save(admin, "/districts/NEW/keys/remove", {"fingerprint": key.fingerprint})
    assert removed.way == "/districts/NEW?saved=yes"
    assert values(console, "accounts.toml")["NEW"]["authorized_keys"] == []
    await save(admin, "/districts/NEW/policy", {"policy": "resume", "value": "true"})
    await save(admin, "/districts/NEW/policy", {"policy": "delimiter", "value": "tab"})
    assert values(console, "accounts.toml")["NEW"]["policy"] == {"resume": True, "delimiter": "\t"}
    again = await admin.post("/accounts/new", fields)
    assert (again.status, "exists already" in again.text) == (422, True)


async def edit_form(visitor: Visitor, place: str) -> tuple[dict[str, str], str]:
    """Return the hidden fields of the page that edits a file, and its text."""
    text = (await visitor.get(f"{place}/edit")).text
    found = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", text, re.DOTALL)
    assert found
    return hidden(text), html.unescape(found[1]).replace("\r\n", "\n")


async def test_a_text_is_saved_as_typed(console: Console, admin: Visitor) -> None:
    """Browsers end lines with CR LF; the file keeps the ends that it has, and its mark."""
    path = folder(console) / "allowlist.toml"
    for content in (COMMENTED, "\ufeff" + COMMENTED.replace("\n", "\r\n")):
        path.write_bytes(content.encode())
        opened, text = await edit_form(admin, "/allowlist")
        changed = text.replace("\n", "\r\n").replace("# nobody", "# <nobody> & \t“none”")
        assert (await save(admin, "/allowlist/edit", opened | {"text": changed})).status == 303
        assert path.read_bytes().decode() == content.replace("# nobody", "# <nobody> & \t“none”")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("deny = [", "deny = "), "allowlist.toml, line"),
        (("SHELBYVILLE = []\n", ""), "SHELBYVILLE was listed, and is no more."),
        (("SHELBYVILLE", "SHELBYVILE"), "SHELBYVILLE"),
        ((COMMENTED, ""), "the file is empty"),
    ],
)
async def test_a_text_with_a_mistake_is_not_saved_and_not_lost(
    console: Console, admin: Visitor, change: tuple[str, str], told: str
) -> None:
    """What stays out of force is told with its line, and what was typed is still there."""
    opened, text = await edit_form(admin, "/allowlist")
    typed = text.replace(*change)
    for more in ({}, {"save": "yes"}):
        answer = await admin.post("/allowlist/edit", opened | {"text": typed} | more)
        shown = html.unescape(answer.text)
        assert (answer.status, told in shown, typed in shown) == (422, True, True)
    assert (folder(console) / "allowlist.toml").read_text() == COMMENTED


async def test_a_file_that_was_changed_meanwhile_is_not_written_over(
    console: Console, admin: Visitor
) -> None:
    """By hand or by somebody else: both versions are shown, and the typed one goes on."""
    path = folder(console) / "allowlist.toml"
    opened, text = await edit_form(admin, "/allowlist")
    mine = text.replace("# nobody", "# mine")
    shown = await admin.post("/allowlist/edit", opened | {"text": mine})
    by_hand = COMMENTED.replace('"198.51.100.7"', '"198.51.100.8"')
    path.write_text(by_hand)
    refused = await admin.post("/allowlist/edit", hidden(shown.text) | {"save": "yes"})
    both = html.unescape(refused.text)
    assert refused.status == 409
    assert "198.51.100.8" in both
    assert mine in both
    assert path.read_text() == by_hand
    saved = await save(admin, "/allowlist/edit", hidden(refused.text) | {"text": mine})
    assert (saved.status, path.read_text()) == (303, mine)


async def test_a_short_form_works_on_what_is_there_by_now(console: Console, admin: Visitor) -> None:
    """It shows anew what would change, and saves what was seen."""
    path = folder(console) / "allowlist.toml"
    fields = {"list": "deny", "network": "192.0.2.1"}
    shown = await admin.post("/allowlist/add", fields)
    path.write_text(COMMENTED.replace("# nobody", "# by hand"))
    again = await admin.post("/allowlist/add", hidden(shown.text) | {"save": "yes"})
    assert (again.status, "was changed meanwhile" in again.text) == (409, True)
    assert "192.0.2.1" not in path.read_text()
    saved = await admin.post("/allowlist/add", hidden(again.text) | {"save": "yes"})
    assert saved.status == 303
    assert "# by hand" in path.read_text()


async def test_of_two_who_save_at_once_one_does(either: Console) -> None:
    """The other looks at it again; nothing is half saved, and one change is kept."""
    (folder(either) / "allowlist.toml").write_text(COMMENTED)
    put_in_force(either)
    one, two = [await either.let_in(name) for name in ("one", "two")]
    asked = []
    for visitor, network in ((one, "192.0.2.1"), (two, "192.0.2.2")):
        fields = {"list": "deny", "network": network}
        shown = await visitor.post("/allowlist/add", fields)
        asked.append((visitor, hidden(shown.text) | {"save": "yes"}))
    answers = await asyncio.gather(
        *(visitor.post("/allowlist/add", fields) for visitor, fields in asked)
    )
    assert sorted(answer.status for answer in answers) == [303, 409]
    assert len(values(either)["deny"]) == 2
    assert (await one.get("/allowlist/history/1")).status == 200
    assert (await one.get("/allowlist/history/2")).status == 404


async def test_what_was_saved_is_seen_and_taken_back(either: Console) -> None:
    """By a save like any other, which is kept, too."""
    (folder(either) / "allowlist.toml").write_text(COMMENTED)
    put_in_force(either)
    admin = await either.let_in("root")
    await save(admin, "/allowlist/add", {"list": "deny", "network": "192.0.2.1"})
    listed = (await admin.get("/allowlist/history")).text
    assert "root" in listed
    assert "192.0.2.1" in (await admin.get("/allowlist/history/1")).text
    undone = await save(admin, "/allowlist/history/1", {})
    assert undone.way == "/allowlist?saved=yes"
    assert (folder(either) / "allowlist.toml").read_text() == COMMENTED
    assert "change 1" in (await admin.get("/allowlist/history")).text
    again = await admin.post("/allowlist/history/1", {})
    assert (again.status, "Nothing would change" in again.text) == (422, True)
    for path in ("/accounts/history/1", "/allowlist/history/9", "/allowlist/history/x"):
        assert (await admin.get(path)).status == 404
        assert (await admin.post(path)).status == 404


async def test_no_password_hash_is_shown_or_lost(console: Console, admin: Visitor) -> None:
    """It stands under a name in every page, and in the file as it was; also in what is undone."""
    path = folder(console) / "accounts.toml"
    password_hash = hash_password(PASSWORD)
    before = password_hash.replace("m=", "m=1", 1)
    line = f'password_hash = "{password_hash}"\n# once: {before}\n'
    path.write_text(path.read_text().replace("[SHELBYVILLE]\n", f"[SHELBYVILLE]\n{line}"))
    put_in_force(console)
    opened, text = await edit_form(admin, "/accounts")
    assert len(set(re.findall(r"hidden-hash-[0-9a-f]{16}", text))) == 2
    seen = [text]
    typed = opened | {"text": text.replace('"Springfield"', '"Springfield Schools"')}
    shown = await admin.post("/accounts/edit", typed)
    seen.append(shown.text)
    await admin.post("/accounts/edit", hidden(shown.text) | {"save": "yes"})
    assert line in path.read_text()
    without = re.sub(r"password_hash.*\n# once.*\n", "", path.read_text())
    opened, _ = await edit_form(admin, "/accounts")
    await save(admin, "/accounts/edit", opened | {"text": without})
    assert "password_hash" not in path.read_text()
    seen.append((await admin.get("/accounts/history/2")).text)
    await save(admin, "/accounts/history/2", {})
    assert line in path.read_text()
    stranger = text.replace("hidden-hash-", "hidden-hash-0", 1)[:-1]
    opened, _ = await edit_form(admin, "/accounts")
    refused = await admin.post("/accounts/edit", opened | {"text": stranger})
    assert (refused.status, "this is no argon2id hash" in refused.text) == (422, True)
    seen.append(refused.text)
    assert not any("argon2id$" in each for each in seen)
    with console.database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM console_config_change").fetchall()
    assert rows
    assert "argon2id$" not in str(rows)


async def test_a_mistake_that_is_saved_by_hand_shows_while_a_page_is_open(
    console: Console, admin: Visitor
) -> None:
    """With its line and its remedy; the page still saves the other file, and mends this one."""
    path = folder(console) / "allowlist.toml"
    path.write_text(COMMENTED.replace("203.0.113.16/28", "203.0.113.17/28"))
    shown = html.unescape((await admin.get("/allowlist")).text)
    assert "allowlist.toml was saved with a mistake" in shown
    assert "allowlist.toml, line 7:" in shown
    assert "203.0.113.16/28" in shown.rpartition("In force")[2]
    beside = await admin.post(POLICY_PATH, {"policy": "students", "value": "register"})
    assert (beside.status, "there is a mistake already" in beside.text) == (200, True)
    opened, text = await edit_form(admin, "/allowlist")
    await save(admin, "/allowlist/edit", opened | {"text": text.replace(".17/", ".16/")})
    assert "with a mistake" not in (await admin.get("/allowlist")).text
    path.unlink()
    for page in ("/allowlist", "/allowlist/edit"):
        assert "the file is missing" in (await admin.get(page)).text


async def test_nothing_hides_in_what_is_shown_before_a_save(
    console: Console, admin: Visitor
) -> None:
    """A character that turns a line around, or that nobody sees, stands there by its number."""
    opened, text = await edit_form(admin, "/allowlist")
    typed = text.replace("# nobody", "# \u202eydobon\u200b")
    shown = await admin.post("/allowlist/edit", opened | {"text": typed})
    assert r"# \u202eydobon\u200b" in shown.text.partition("<form method")[2].partition("<form")[0]
    await admin.post("/allowlist/edit", hidden(shown.text) | {"save": "yes"})
    assert "# \u202eydobon\u200b" in (folder(console) / "allowlist.toml").read_text("utf-8")


async def test_a_folder_that_may_not_be_written_is_told_of(
    console: Console, admin: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would change is shown, to be copied, and there is no button."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    shown = await admin.post("/allowlist/add", {"list": "deny", "network": "192.0.2.1"})
    assert "nothing can be saved here" in html.unescape(shown.text)
    assert "192.0.2.1" in shown.text
    assert 'name="save"' not in shown.text


async def test_an_admin_sees_no_money_and_nobody_else_edits(console: Console) -> None:
    """Who lets districts in has no figures; who has figures lets nobody in."""
    office = await console.let_in("ada", frozenset({Role(RoleKind.OFFICE, SPRINGFIELD)}))
    for path in ("/allowlist", "/accounts", "/accounts/edit", "/allowlist/history", "/users"):
        assert (await office.get(path)).status == 403
    assert (await office.post("/allowlist/add", {"list": "deny", "network": "::1"})).status == 403
    assert await read(lambda: console.doorkeeper.read("ada")) is not None
