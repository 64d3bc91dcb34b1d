"""The archive that nodes share goes away and comes back, as a monitor and a balancer see it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from tests.acceptance.daemon_log import until
from tests.integration.archive.conftest import bucket, s3_server
from tests.integration.archive.s3_server import Bucket, Fault, environment_of

if TYPE_CHECKING:
    from tests.acceptance.conftest import School

__all__ = ["bucket", "s3_server"]


def readiness(school: School) -> tuple[int, str]:
    """Return the status that a balancer goes by, and what is said of the archive."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{school.http_port}/readyz") as answer:
            status, said = answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            status, said = error.code, json.load(error)
    return status, str(said["checks"]["archive"])


def gauge(school: School) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{school.http_port}/metrics") as answer:
        lines: list[str] = answer.read().decode().splitlines()
    return next(line for line in lines if line.startswith("ingestd_archive_away "))


def test_it_is_told_and_nobody_is_sent_there_meanwhile(school: School, bucket: Bucket) -> None:
    """Districts go to a node that takes their files; an operator hears of it once."""
    school.environment |= environment_of(bucket)
    school.set(archive_url=bucket.url)
    school.start()
    until(lambda: readiness(school) == (200, "ok"), "the first answer of the archive")
    bucket.lasting = Fault.AWAY
    path = school.write_many("student_billing.csv", 2, prefix="K")
    assert school.sftp_batch(f"put {path.name} /SPRINGFIELD/incoming/{path.name}").returncode
    school.log.wait_until_event("archive_missed", uploads="refused", level="error")
    status, said = readiness(school)
    assert status == 503
    assert "does not answer as it should" in said
    assert gauge(school) == "ingestd_archive_away 1.0"
    bucket.lasting = Fault.NONE
    school.log.wait_until_event("archive_returned", level="info")
    until(lambda: readiness(school) == (200, "ok"), "the archive to be back")
    assert gauge(school) == "ingestd_archive_away 0.0"
    school.upload(path)
    school.wait_until_receipt(path.name)
    assert len(school.log.events("archive_missed")) == 1
    assert school.stop() == 0
