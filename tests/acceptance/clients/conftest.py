"""Files to send, what a district knows of the server, and the check that each was taken once."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.libraries import install_node_packages

if TYPE_CHECKING:
    from tests.acceptance.conftest import School
    from tests.acceptance.daemon_log import Log
Until = Callable[..., Any]

MB = 1_000_000
SIZES = {"empty": 0, "one byte": 1, "1 MB": MB, "50 MB": 50 * MB}
_HEADER = b"account_type,charge_tracking_id,student_id,billing_code,amount,remarks\n"
# Exports carry columns that nobody asked for. A wide one makes a large file of few charges,
# so that the time of a test is the time of its upload. Not a divisor of any packet's size:
# wherever a transfer is cut, it is cut inside a row.
_REMARKS_CHARACTERS = 29_989
_ARCHIVED_BYTES_MAX = MB


def charge_file(prefix: str, size_bytes: int) -> tuple[bytes, int]:
    """Return a charge file of about this size, and how many good rows it has.

    Below the length of a header there is room for no file at all: then it is refused whole.
    """
    if size_bytes < len(_HEADER):
        return _HEADER[:size_bytes], 0
    remarks = b"r" * _REMARKS_CHARACTERS
    count = size_bytes // (_REMARKS_CHARACTERS + 60)
    rows = (
        b"LIABILITY,%b-%d,00042,LATE_FEE,5.00,%b\n" % (prefix.encode(), number, remarks)
        for number in range(count)
    )
    return b"".join((_HEADER, *rows)), count


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One file on its way: what a client sends, and what must have become of it."""

    school: School
    path: Path
    prefix: str
    rows: int
    log: Log
    until: Until

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def folder(self) -> str:
        """The folder that files go to, as a client names it."""
        return f"/{self.school.account}/incoming"

    @property
    def target(self) -> str:
        """Where the file goes, as a client names it."""
        return f"{self.folder}/{self.name}"

    def run(self, *command: str, stdin: str = "") -> None:
        """Run a client that must believe that all went well."""
        done = self.school.run_client(*command, stdin=stdin)
        assert done.returncode == 0, done.stdout + done.stderr

    def check_taken_once(self, *, after_interrupted: int = 0) -> dict[str, Any]:
        """Fail unless the file was received whole and has one outcome; return its receipt."""
        receipts = self.school.wait_until_receipts(self.name, 1 + after_interrupted)
        *earlier, receipt = receipts
        assert [each["status"] for each in earlier] == ["interrupted"] * after_interrupted
        content = self.path.read_bytes()
        assert receipt["size_bytes"] == len(content)
        assert receipt["sha256"] == hashlib.sha256(content).hexdigest()
        self._check_rows(receipt)
        self._check_events(receipt["upload_id"], after_interrupted)
        self.check_nothing_is_left()
        return receipt

    def check_interrupted(self) -> None:
        """Fail unless what arrived was told to be no whole file, and nothing else came of it."""
        receipt = self.school.wait_until_receipt(self.name)
        assert (receipt["status"], receipt["rows"]) == ("interrupted", None)
        assert receipt["size_bytes"] < self.path.stat().st_size
        assert not self.log.events("upload_received")

    def check_interrupted_and_sent_again(self) -> None:
        """Fail unless what arrived was no whole file, and the file is whole when sent again."""
        self.check_interrupted()
        self.school.upload(self.path)
        self.check_taken_once(after_interrupted=1)

    def check_last_row_was_not_charged(self) -> None:
        """Fail unless a file that was cut off, but closed, lost the row that it was cut in.

        Sent again, the whole file adds exactly the rows that were not charged before.
        """
        receipt = self.school.wait_until_receipt(self.name)
        arrived = self.path.read_bytes()[: receipt["size_bytes"]]
        assert receipt["sha256"] == hashlib.sha256(arrived).hexdigest()
        assert len(arrived) < self.path.stat().st_size
        applied = arrived.count(b"\n") - 1
        counts = {"total": applied + 1, "applied": applied, "rejected": 1}
        assert receipt["rows"] == counts | {"duplicate": 0, "conflict": 0}
        assert receipt["findings"][-1]["code"] == "last_row_unterminated"
        self.school.upload(self.path)
        again = self.school.wait_until_receipts(self.name, 2)[1]["rows"]
        assert (again["duplicate"], again["applied"]) == (applied, self.rows - applied)
        self.check_nothing_is_left()

    def wait_until_bytes_arrive(self) -> None:
        """Return as soon as the daemon holds a part of an upload."""
        staging = self._work / "staging"
        self.until(lambda: any(_size_bytes(path) for path in staging.iterdir()), "the first bytes")

    def check_nothing_is_left(self) -> None:
        """Fail unless every folder that a file passes through is empty, or soon is."""
        spool = self.school.incoming.parent
        folders = (
            *(spool / name for name in ("incoming", "arrivals")),
            *(self._work / name for name in ("staging", "partials", "claimed")),
        )
        self.until(
            lambda: not [path for folder in folders for path in folder.iterdir()],
            f"empty folders after {self.name}",
        )

    @property
    def _work(self) -> Path:
        return self.school.folder / "data" / "work" / self.school.account

    def _check_rows(self, receipt: dict[str, Any]) -> None:
        if self.rows == 0:
            assert (receipt["status"], receipt["rows"]) == ("rejected", None)
            assert receipt["findings"]
            return
        nothing = dict.fromkeys(("duplicate", "conflict", "rejected"), 0)
        counts = {"total": self.rows, "applied": self.rows} | nothing
        assert (receipt["status"], receipt["rows"]) == ("processed", counts)

    def _check_events(self, upload_id: str, interrupted: int) -> None:
        outcome = "file_processed" if self.rows else "file_rejected"
        self.log.wait_until_event(outcome, upload_id=upload_id)
        outcomes = [
            event
            for name in ("file_processed", "file_rejected")
            for event in self.log.events(name)
            if event["upload_id"] == upload_id
        ]
        assert len(outcomes) == 1
        assert len(self.log.events("upload_received")) == 1
        assert len(self.log.events("upload_interrupted")) == interrupted
        assert not self.log.events("upload_refused")


NewDelivery = Callable[[int], Delivery]


@pytest.fixture
def new_delivery(
    standing_school: School, until: Until, request: pytest.FixtureRequest
) -> Iterator[NewDelivery]:
    """Write files to send, each under a name and with keys that nobody else has."""
    folders: list[Path] = []

    def write(size_bytes: int) -> Delivery:
        test = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]
        prefix = f"{test}-{len(folders)}"
        content, rows = charge_file(prefix, size_bytes)
        folders.append(standing_school.outbox / prefix)
        folders[-1].mkdir()
        path = folders[-1] / f"student_billing_{prefix}.csv"
        path.write_bytes(content)
        return Delivery(
            school=standing_school,
            path=path,
            prefix=prefix,
            rows=rows,
            log=standing_school.log.from_now(),
            until=until,
        )

    yield write
    for folder in folders:
        shutil.rmtree(folder)
    for path in (standing_school.folder / "data" / "archive").rglob("*.csv"):
        if path.stat().st_size > _ARCHIVED_BYTES_MAX:
            path.unlink()


@pytest.fixture(params=SIZES.values(), ids=list(SIZES))
def delivery(new_delivery: NewDelivery, request: pytest.FixtureRequest) -> Delivery:
    """A file of each size that matters: none, one byte, many packets, many megabytes."""
    return new_delivery(request.param)


@pytest.fixture
def long_delivery(new_delivery: NewDelivery) -> Delivery:
    """A file that takes long enough to be cut."""
    return new_delivery(SIZES["50 MB"])


@pytest.fixture(scope="session")
def fingerprint(standing_school: School) -> str:
    """What the operator told the district of the server's key, as `SHA256:…`."""
    key = next((standing_school.folder / "data" / "host_keys").glob("*ed25519*.pub"))
    done = standing_school.run_client("ssh-keygen", "-l", "-f", str(key))
    return done.stdout.split()[1]


@pytest.fixture(scope="session")
def putty_options(standing_school: School, fingerprint: str) -> tuple[str, ...]:
    """Port, key in PuTTY's format, and the server to believe, so that no question is asked."""
    ppk = standing_school.outbox / "key.ppk"
    done = standing_school.run_client("puttygen", str(standing_school.key), "-o", str(ppk))
    assert done.returncode == 0, done.stderr
    port = str(standing_school.sftp_port)
    return ("-batch", "-P", port, "-i", str(ppk), "-hostkey", fingerprint)


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The locked packages of Node.js, installed away from the repository."""
    return install_node_packages(Path(__file__).parent / "node", tmp_path_factory.mktemp("node"))


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
