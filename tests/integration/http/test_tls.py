"""TLS on the HTTP port, and a console that is shown to nobody on an open network."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router

from ingestd.config.files.settings import HttpSettings, load_settings
from ingestd.config.judging.values import ListenAddress
from ingestd.service.http.health import Health
from ingestd.service.http.server import HttpServer
from ingestd.service.in_force.config_check import check_config
from ingestd.service.in_force.tls import load_tls, may_show_console
from ingestd.telemetry.metrics import Metrics
from ingestd.values.errors import ConfigError
from tests.certificates import make_pair
from tests.integration.http.peers import ask, get, running, status

PAGES = Router([])


def config(folder: Path, http: str) -> Path:
    """Write settings with some lines in `[http]`, beside the other two files; return the path."""
    path = folder / "ingestd.toml"
    path.write_text(f"[http]\n{http}\n")
    (folder / "accounts.toml").write_text("# Nobody yet.\n")
    (folder / "allowlist.toml").write_text("everyone = []\ndeny = []\n[accounts]\n")
    return path


async def _who(request: Request) -> Response:
    return PlainTextResponse(request.url.scheme)


async def test_with_a_certificate_the_whole_port_is_tls(tmp_path: Path) -> None:
    """Health, too: a monitor that asks plainly would show a password one day."""
    certificate, _ = make_pair(tmp_path)
    path = config(
        tmp_path, 'listen = "127.0.0.1:0"\ntls_certificate = "here.crt"\ntls_key = "here.key"'
    )
    settings = load_settings(path).http
    server = HttpServer(
        Router([Route("/", _who)]),
        listen=settings.listen,
        tls=load_tls(settings, where=path),
        trusted_proxies=(),
    )
    trusting = ssl.create_default_context(cafile=certificate)
    async with running(server):
        assert (await ask(server.port, get(), tls=trusting)).endswith(b"https")
        assert await ask(server.port, get()) == b""
        old = ssl.create_default_context(cafile=certificate)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        old.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
        assert status(await ask(server.port, get(), tls=old)) == 200


async def test_a_peer_that_shakes_no_hand_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS has a beginning of its own, before any request."""
    monkeypatch.setattr("ingestd.service.http.server.HEAD_SECONDS", 0.2)
    make_pair(tmp_path)
    path = config(
        tmp_path, 'listen = "127.0.0.1:0"\ntls_certificate = "here.crt"\ntls_key = "here.key"'
    )
    settings = load_settings(path).http
    tls = load_tls(settings, where=path)
    server = HttpServer(PAGES, listen=settings.listen, tls=tls, trusted_proxies=())
    async with running(server):
        assert await ask(server.port) == b""


@pytest.mark.parametrize("shown", [True, False])
async def test_a_page_that_nobody_may_read_along_says_what_to_set(shown: bool) -> None:
    """Health is for monitors anywhere; the page is for where it is encrypted."""
    health = Health(checks={}, pending=list, metrics=Metrics())
    listen = ListenAddress(host="127.0.0.1", port=0)
    app = health.app(PlainTextResponse("the console") if shown else None)
    server = HttpServer(app, listen=listen, tls=None, trusted_proxies=())
    async with running(server):
        for path in ("/healthz", "/readyz", "/metrics"):
            assert status(await ask(server.port, get(path))) == 200
        page = await ask(server.port, get("/"))
    assert status(page) == (200 if shown else 403)
    assert (b"tls_certificate" in page) is not shown


def test_config_check_says_what_is_wrong_with_the_files(tmp_path: Path) -> None:
    """Whatever it accepts, the daemon starts with."""
    make_pair(tmp_path)
    make_pair(tmp_path, "other")
    (tmp_path / "text.key").write_text("no key\n")
    for lines, key, words in (
        ('tls_certificate = "here.crt"', "http.tls_certificate", "tls_key is missing"),
        ('tls_key = "here.key"', "http.tls_key", "tls_certificate is missing"),
        ('tls_certificate = "here.crt"\ntls_key = "gone.key"', "http.tls_key", "No such file"),
        ('tls_certificate = "gone.crt"\ntls_key = "here.key"', "http.tls_certificate", "No such"),
        ('tls_certificate = "here.crt"\ntls_key = "other.key"', "http.tls_certificate", "no pair"),
        ('tls_certificate = "here.crt"\ntls_key = "text.key"', "http.tls_certificate", "no pair"),
        ('tls_certificate = 5\ntls_key = "here.key"', "http.tls_certificate", "path in quotes"),
        ('trusted_proxies = ["here"]', "http.trusted_proxies", "here"),
    ):
        mistakes, _ = check_config(config(tmp_path, lines), {})
        assert [mistake.key for mistake in mistakes] == [key], lines
        assert words in str(mistakes[0]), lines
    sound = 'tls_certificate = "here.crt"\ntls_key = "here.key"\ntrusted_proxies = ["192.0.2.1"]'
    assert check_config(config(tmp_path, sound), {})[0] == ()


def test_a_pair_that_is_gone_at_the_start_is_named(tmp_path: Path) -> None:
    """The key was renewed, and the file that is named is no longer there."""
    path = config(tmp_path, 'tls_certificate = "here.crt"\ntls_key = "here.key"')
    with pytest.raises(ConfigError, match=r"http\.tls_certificate: .*here\.crt cannot be read"):
        load_tls(load_settings(path).http, where=path)


@pytest.mark.parametrize(
    ("host", "more", "shown"),
    [
        ("127.0.0.1", {}, True),
        ("127.8.0.1", {}, True),
        ("::1", {}, True),
        ("localhost", {}, True),
        ("0.0.0.0", {}, False),
        ("::", {}, False),
        ("192.168.1.5", {}, False),
        ("console.example.org", {}, False),
        ("0.0.0.0", {"trusted_proxies": ["192.0.2.0/24"]}, True),
        ("0.0.0.0", {"tls_certificate": "a", "tls_key": "b"}, True),
    ],
)
def test_figures_are_shown_where_nobody_reads_along(
    host: str, more: dict[str, object], shown: bool
) -> None:
    """On another address than loopback only what is encrypted."""
    settings = HttpSettings.model_validate(
        {"listen": f"{ListenAddress(host=host, port=8080)}", **more}
    )
    assert may_show_console(settings) is shown
