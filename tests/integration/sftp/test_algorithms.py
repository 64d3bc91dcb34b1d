"""The SSH that the door speaks, as an independent auditor sees it."""

from __future__ import annotations

import json
import sys
from typing import Any

# What the auditor warns of and we keep, with the reason.
KEPT = {
    # Every client older than OpenSSH 9.9 agrees on keys with these; the hybrid comes first.
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    # SSH.NET before 2023 and PuTTY before 0.68 know no encrypt-then-MAC.
    "hmac-sha2-256",
    "hmac-sha2-512",
}


async def audit(school: Any) -> dict[str, Any]:
    code, output = await school.run(
        *(sys.executable, "-m", "ssh_audit.ssh_audit", "--json", "--skip-rate-test"),
        f"127.0.0.1:{school.port}",
    )
    # Its exit code sums up: 3 a failure, 2 a warning, 0 neither; others are its own errors.
    assert code in {0, 2, 3}, output
    report: dict[str, Any] = json.loads(output)
    return report


def noted(report: dict[str, Any], level: str) -> set[str]:
    return {
        entry["algorithm"]
        for kind in ("kex", "key", "enc", "mac")
        for entry in report[kind]
        if entry.get("notes", {}).get(level)
    }


async def test_an_auditor_finds_no_failure(school: Any) -> None:
    """A district's security officer runs the same tool before the firewall is opened."""
    report = await audit(school)
    assert noted(report, "fail") == set()
    assert report["cves"] == []


async def test_every_warning_is_one_that_old_clients_need(school: Any) -> None:
    """A new warning is to be looked at before it is kept."""
    assert noted(await audit(school), "warn") <= KEPT


async def test_the_hybrid_exchange_comes_first_and_strict_mode_is_on(school: Any) -> None:
    """What is recorded today must not be readable in twenty years, nor cut by Terrapin."""
    names = [entry["algorithm"] for entry in (await audit(school))["kex"]]
    assert names[0] == "mlkem768x25519-sha256"
    assert "kex-strict-s-v00@openssh.com" in names
