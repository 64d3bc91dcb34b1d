"""A ledger that is not there is not a new one: nothing is served, and none is made."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from ingestd.service.installation.bootstrap import open_installation
from ingestd.values.errors import EXIT_WORLD, LedgerGoneError
from tests.integration.installation.conftest import Places, Site


def why_it_is_gone(site: Site, url: str | None) -> str:
    """Return why every way to the ledger refuses; none of them leaves a trace."""
    before = site.files()
    messages = []
    for way in (site.use, site.serve, site.init):
        with pytest.raises(LedgerGoneError) as refused:
            way(url)
        assert refused.value.exit_code == EXIT_WORLD
        assert "runbook.md" in refused.value.message
        messages.append(refused.value.message)
        assert site.files() == before
    return messages[0]


@pytest.mark.parametrize("is_used", [False, True])
def test_a_ledger_that_was_there_is_waited_for(
    site: Site, places: Places, *, is_used: bool
) -> None:
    """A volume that is late, or a restore half-way, never ends in an empty ledger."""
    url = places.made()
    site.init(url)
    if is_used:
        site.process_something()
    kept = places.copy(url)
    places.lose(url)
    message = why_it_is_gone(site, url)
    assert site.known() in message
    # It came late: all is well.
    assert site.use(kept) == site.known()


def test_a_file_without_tables_is_no_ledger(site: Site) -> None:
    """What a wrong mount or a cut restore leaves is not filled with tables."""
    site.init(None)
    site.folders.embedded_ledger.write_bytes(b"")
    why_it_is_gone(site, None)
    assert site.folders.embedded_ledger.read_bytes() == b""


@pytest.mark.parametrize(
    "place",
    ["archive/A/2026-11/X/file.csv", "work/A/claimed/X/file.csv", "quarantine/A/X/file.csv"],
)
def test_uploads_without_a_ledger_are_not_served(site: Site, place: str) -> None:
    """Half of a folder from before: its ledger is somewhere, and is to be found first."""
    site.init(None)
    site.folders.ledger_id.unlink()
    site.folders.embedded_ledger.unlink()
    path = site.folders.data_dir / place
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    assert "holds uploads" in why_it_is_gone(site, None)


@pytest.mark.parametrize("is_mount_point", [True, False])
def test_only_init_makes_a_data_folder(
    site: Site, places: Places, tmp_path: Path, *, is_mount_point: bool
) -> None:
    """A mount point without its volume, or a mistyped path, stays as empty as it is."""
    other = tmp_path / "other"
    site.init(None)
    site.environment.setenv("INGESTD_DATA_DIR", str(other))
    if is_mount_point:
        other.mkdir()
    for url in (None, places.made()):
        for way in (site.use, site.serve):
            with pytest.raises(LedgerGoneError, match="ingestd init"):
                way(url)
        assert other.exists() is is_mount_point
        assert not is_mount_point or list(other.iterdir()) == []
    site.init(url)
    assert site.use(url) == (other / "ledger_id").read_text().splitlines()[0]


def test_a_ledger_without_batches_is_a_new_one(site: Site, places: Places) -> None:
    """The first morning of an installation is no accident, also when a file waits already."""
    url = places.empty()
    site.init(url)
    incoming = site.folders.data_dir / "spool" / "A" / "incoming" / "student_billing.csv"
    incoming.parent.mkdir(parents=True)
    incoming.write_bytes(b"x")
    site.serve(url)
    assert site.use(url) == site.known()


@pytest.mark.parametrize("places", ["postgresql"], indirect=True)
def test_the_ledger_of_an_empty_server_is_made_by_upgrade(site: Site, places: Places) -> None:
    """On a server the owner's role makes the tables; the daemon's may not."""
    site.init(None)
    url = places.empty()
    with pytest.raises(LedgerGoneError, match="ingestd db upgrade"):
        site.serve(url)
    with closing(open_installation(site.config)) as installation:
        assert installation.ledger.revision() is None
        installation.ledger.upgrade()
    assert site.use(url) == site.known()
