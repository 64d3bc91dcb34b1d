"""HTTPS as an operator sets it up: files named in the config, asked with curl and the doctor."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.certificates import make_pair

if TYPE_CHECKING:
    from tests.acceptance.conftest import School


def test_a_certificate_encrypts_the_whole_port(school: School) -> None:
    """Health, metrics and the page; nothing is answered plainly any more."""
    certificate, key = make_pair(school.folder)
    school.set(http__tls_certificate=str(certificate), http__tls_key=str(key))
    school.start()
    assert school.log.wait_until_event("http_listening")["tls"] is True
    url = f"127.0.0.1:{school.http_port}"
    for path in ("/", "/healthz", "/readyz", "/metrics"):
        done = school.run_client(
            "curl", "-sSf", "--cacert", str(certificate), f"https://{url}{path}"
        )
        assert done.returncode == 0, done.stderr
        assert school.run_client("curl", "-sSf", f"http://{url}{path}").returncode != 0
    doctor = school.run("doctor", "--output", "json")
    (readiness,) = (each for each in json.loads(doctor.stdout) if each["check"] == "readiness")
    assert readiness["what"] == "ready"
