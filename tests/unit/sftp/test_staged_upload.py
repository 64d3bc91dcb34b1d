"""One upload's bytes against a plain model: whole means exactly what a client wrote."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestd.sftp.uploads.losses import Loss, UploadLostError, write_fully
from ingestd.sftp.uploads.staged_upload import Base, Sender, StagedUpload
from ingestd.values.identifiers import AccountId, new_upload_id

SENDER = Sender(
    account=AccountId("SPRINGFIELD"),
    session_id="0",
    peer="192.0.2.1",
    key_fingerprint=None,
    client_version=None,
)
WRITE = st.tuples(st.integers(0, 30), st.binary(min_size=1, max_size=12))
STEPS = st.lists(st.one_of(WRITE, st.integers(0, 40)), max_size=12)
numbers = itertools.count()


def staged(
    folder: Path, *, base: Base | None = None, append: bool = False, size_bytes_max: int = 1000
) -> StagedUpload:
    return StagedUpload(
        sender=SENDER,
        upload_id=new_upload_id(),
        filename="a.csv",
        path=folder / str(next(numbers)),
        base=base,
        append=append,
        announced_bytes=None,
        size_bytes_max=size_bytes_max,
        disk_reserve_bytes=0,
        started=0.0,
    )


def base_of(folder: Path, content: bytes, *, may_continue: bool = True) -> Base:
    path = folder / f"base{next(numbers)}"
    path.write_bytes(content)
    return Base(
        descriptor=os.open(path, os.O_RDONLY),
        size_bytes=len(content),
        received=True,
        may_continue=may_continue,
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_an_upload_is_whole_exactly_when_no_byte_is_missing(
    tmp_path: Path, steps: list[tuple[int, bytes] | int]
) -> None:
    """Writes in any order, over each other, with truncations: the verdict and hash are right."""
    upload = staged(tmp_path)
    model: dict[int, int] = {}
    size_bytes = 0
    for step in steps:
        if isinstance(step, int):
            upload.truncate(step)
            size_bytes = step
            model = {offset: byte for offset, byte in model.items() if offset < step}
        else:
            offset, content = step
            upload.write(offset, content)
            model |= dict(enumerate(content, start=offset))
            size_bytes = max(size_bytes, offset + len(content))
    assert upload.size_bytes == size_bytes
    whole = set(model) == set(range(size_bytes))
    assert (upload.loss() is None) is whole
    if whole:
        content = bytes(model[offset] for offset in range(size_bytes))
        assert upload.seal() == hashlib.sha256(content).hexdigest()
        assert upload.path.read_bytes() == content
    upload.close()
    upload.discard()


def test_an_upload_over_its_limit_stays_lost(tmp_path: Path) -> None:
    """Once a write failed no later one can make the file whole."""
    upload = staged(tmp_path, size_bytes_max=10)
    upload.write(0, b"0123456789")
    with pytest.raises(UploadLostError) as caught:
        upload.write(10, b"x")
    assert caught.value.loss is Loss.TOO_LARGE
    with pytest.raises(UploadLostError):
        upload.write(0, b"x")
    with pytest.raises(UploadLostError):
        upload.truncate(5)
    assert upload.loss() is Loss.TOO_LARGE
    upload.close()


def test_pieces_without_number_are_refused(tmp_path: Path) -> None:
    """What is remembered of a client's writes has a limit."""
    upload = staged(tmp_path, size_bytes_max=10_000)
    for offset in range(0, 2048, 2):
        upload.write(offset, b"x")
    with pytest.raises(UploadLostError) as caught:
        upload.write(2048, b"x")
    assert caught.value.loss is Loss.TOO_SCATTERED
    upload.close()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, append=st.booleans(), base_bytes=st.integers(0, 20), claimed=st.booleans())
def test_no_byte_of_an_earlier_version_is_ever_part_of_an_upload(
    tmp_path: Path,
    steps: list[tuple[int, bytes] | int],
    append: bool,
    base_bytes: int,
    claimed: bool,
) -> None:
    """Unless the account says so, what is published is what one client sent in one go."""
    base = base_of(tmp_path, b"\xff" * base_bytes, may_continue=False)
    if claimed and base.descriptor is not None:
        os.close(base.descriptor)
        base = replace(base, descriptor=None)
    upload = staged(tmp_path, base=base, append=append)
    sent: list[tuple[int, bytes]] = []
    for step in steps:
        with contextlib.suppress(UploadLostError):
            if isinstance(step, int):
                upload.truncate(step)
                continue
            offset, content = step
            content = content.replace(b"\xff", b"\0")
            assert not upload.continues_base(offset)
            upload.write(offset, content)
            sent.append((offset, content))
    if upload.loss() is None and not upload.changes_nothing:
        upload.seal()
        published = upload.path.read_bytes()
        assert b"\xff" not in published
        assert len(published) == upload.size_bytes == upload.kept_bytes
        # A tail alone is no file: what is published was sent from its first byte on.
        assert not published or any(offset == 0 for offset, _ in sent)
    upload.close()
    upload.discard()


@pytest.mark.parametrize(("append", "offset"), [(False, 4), (True, 4), (True, 0)])
def test_a_first_write_at_the_bases_end_continues_it(
    tmp_path: Path, append: bool, offset: int
) -> None:
    """A resume: with APPEND, some clients count from the end, others from zero."""
    upload = staged(tmp_path, base=base_of(tmp_path, b"head"), append=append)
    assert upload.continues_base(offset)
    upload.copy_base()
    upload.write(offset, b"tail")
    assert not upload.continues_base(offset)
    assert upload.loss() is None
    upload.seal()
    assert upload.path.read_bytes() == b"headtail"
    upload.close()


def test_a_first_write_elsewhere_does_not(tmp_path: Path) -> None:
    """New bytes on old ones are whole only when they cover them all."""
    upload = staged(tmp_path, base=base_of(tmp_path, b"head"))
    assert not upload.continues_base(0)
    upload.write(0, b"he")
    assert upload.loss() is Loss.HOLE
    upload.write(2, b"al")
    assert upload.loss() is None
    upload.close()


def test_a_base_that_was_cut_is_continued_at_the_cut(tmp_path: Path) -> None:
    """A client may throw away the last block, which it does not trust, and go on from there."""
    upload = staged(tmp_path, base=base_of(tmp_path, b"headXX"))
    upload.truncate(4)
    assert upload.continues_base(4)
    upload.copy_base()
    upload.write(4, b"tail")
    assert upload.loss() is None
    upload.seal()
    assert upload.path.read_bytes() == b"headtail"
    upload.close()


def test_what_is_kept_ends_at_the_first_hole(tmp_path: Path) -> None:
    """A resume can only continue what is there without a gap."""
    upload = staged(tmp_path)
    upload.write(0, b"abc")
    upload.write(10, b"x")
    upload.cut_to_kept()
    assert upload.path.read_bytes() == b"abc"
    upload.close()


def test_catching_up_in_pieces_gives_the_hash_of_the_whole(tmp_path: Path) -> None:
    """The background hash sees each byte once, in order."""
    block = os.urandom(3 * 1024 * 1024)
    upload = staged(tmp_path, size_bytes_max=10 * len(block))
    for number in range(4):
        upload.write(number * len(block), block)
        target = upload.plan_catch_up()
        if target is not None:
            upload.catch_up(target)
    assert upload.seal() == hashlib.sha256(block * 4).hexdigest()
    upload.close()


def test_a_write_to_a_closed_disk_is_an_error(tmp_path: Path) -> None:
    """A descriptor that takes nothing must not look like one that took everything."""
    path = tmp_path / "file"
    path.write_bytes(b"")
    descriptor = os.open(path, os.O_RDONLY)
    with pytest.raises(OSError, match="Bad file descriptor"):
        write_fully(descriptor, b"x", 0)
    os.close(descriptor)
