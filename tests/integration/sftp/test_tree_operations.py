"""The tree that a client sees: two folders, and nothing that leads out of them."""

from __future__ import annotations

import os
import stat
from typing import Any

import asyncssh
import pytest

from ingestd.sftp.bounds.limits import DoorLimits
from ingestd.spool.claimed import take

School = Any  # the fixture of conftest.py, which cannot be imported

INCOMING, RECEIPTS = "/SPRINGFIELD/incoming", "/SPRINGFIELD/receipts"
NAME = "student_billing.csv"


@pytest.fixture
async def client(school: School) -> asyncssh.SFTPClient:
    sftp: asyncssh.SFTPClient = await school.sftp()
    return sftp


async def put(client: asyncssh.SFTPClient, name: str, content: bytes = b"rows") -> None:
    async with client.open(f"{INCOMING}/{name}", "wb") as file:
        await file.write(content)


async def test_the_tree_is_two_folders_below_the_account(client: asyncssh.SFTPClient) -> None:
    """A client that looks around finds its way without a manual."""
    assert await client.realpath(".") == "/"
    assert await client.listdir("/") == [".", "..", "SPRINGFIELD"]
    assert await client.listdir("/SPRINGFIELD") == [".", "..", "incoming", "receipts"]
    assert await client.isdir("/SPRINGFIELD/incoming")
    assert await client.realpath("SPRINGFIELD/../SPRINGFIELD/./incoming/") == INCOMING


async def test_attributes_are_plain_and_tell_no_owner(client: asyncssh.SFTPClient) -> None:
    """Modes and owners of the server's files are the server's business."""
    await put(client, NAME)
    file, folder = await client.stat(f"{INCOMING}/{NAME}"), await client.lstat(INCOMING)
    assert (file.permissions, folder.permissions) == (0o100640, 0o040750)
    assert (file.size, file.uid, file.gid) == (4, None, None)
    [entry] = [entry async for entry in client.scandir(INCOMING) if entry.filename == NAME]
    assert "SPRINGFIELD" in str(entry.longname)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../../../../etc/passwd",
        f"{INCOMING}/../../../../etc/passwd",
        "/SHELBYVILLE",
        "/SPRINGFIELD/staging",
        f"{INCOMING}/sub/file.csv",
        f"{INCOMING}/..",
        f"{RECEIPTS}/../../SHELBYVILLE/incoming",
    ],
)
async def test_nothing_else_exists(client: asyncssh.SFTPClient, path: str) -> None:
    """No path leads to the machine's files, or to another district's."""
    with pytest.raises(asyncssh.SFTPError):
        await client.open(path, "rb")
    with pytest.raises(asyncssh.SFTPError):
        await client.open(path, "wb")
    with pytest.raises(asyncssh.SFTPError):
        await client.remove(path)


async def test_modes_owners_and_times_are_heard_and_ignored(
    school: School, client: asyncssh.SFTPClient
) -> None:
    """Clients set them as a matter of course; an error would look like a failed upload."""
    await put(client, NAME)
    await client.chmod(f"{INCOMING}/{NAME}", 0o777)
    await client.utime(f"{INCOMING}/{NAME}", (1, 1))
    await client.chown(f"{INCOMING}/{NAME}", 1, 1)
    status = (school.incoming / NAME).stat()
    assert stat.S_IMODE(status.st_mode) == 0o640
    assert status.st_mtime > 1
    with pytest.raises(asyncssh.SFTPPermissionDenied):
        await client.truncate(f"{INCOMING}/{NAME}", 1)


async def test_mkdir_of_a_folder_that_exists_says_so(client: asyncssh.SFTPClient) -> None:
    """Clients that make each folder of a path go on after "already exists"."""
    for path in ("/", "/SPRINGFIELD", INCOMING):
        with pytest.raises(asyncssh.SFTPFailure, match="already exists"):
            await client.mkdir(path)
    with pytest.raises(asyncssh.SFTPPermissionDenied):
        await client.mkdir(f"{INCOMING}/sub")
    with pytest.raises(asyncssh.SFTPPermissionDenied):
        await client.rmdir(INCOMING)


async def test_links_are_refused(client: asyncssh.SFTPClient) -> None:
    """A link is the classic way out of a fenced tree."""
    await put(client, NAME)
    with pytest.raises(asyncssh.SFTPError):
        await client.symlink("/etc/passwd", f"{INCOMING}/link")
    with pytest.raises(asyncssh.SFTPError):
        await client.link(f"{INCOMING}/{NAME}", f"{INCOMING}/link")
    with pytest.raises(asyncssh.SFTPError):
        await client.readlink(f"{INCOMING}/{NAME}")
    assert await client.listdir(INCOMING) == [".", "..", NAME]


async def test_links_and_pipes_that_somebody_put_there_are_not_followed(
    school: School, client: asyncssh.SFTPClient
) -> None:
    """A slip of an operator's hand in the folder opens nothing to clients."""
    (school.incoming / "link.csv").symlink_to("/etc/passwd")
    os.mkfifo(school.incoming / "pipe.csv")
    assert await client.listdir(INCOMING) == [".", ".."]
    for name in ("link.csv", "pipe.csv"):
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await client.open(f"{INCOMING}/{name}", "rb")


async def test_extensions_that_could_reach_further_are_refused(
    client: asyncssh.SFTPClient,
) -> None:
    """What is not needed is not there: copies on the server, disk figures, sparse maps."""
    assert not client.supports_remote_copy
    with pytest.raises(asyncssh.SFTPError):
        await client.statvfs(INCOMING)


async def test_receipts_can_be_read_and_nothing_else(
    school: School, client: asyncssh.SFTPClient
) -> None:
    """A receipt is the record of what happened; not even its reader can change it."""
    receipts = school.folders.receipts("SPRINGFIELD")
    (receipts / "r.json").write_bytes(b"{}")
    (receipts / ".in.1.s.json").write_bytes(b"{")
    assert await client.listdir(RECEIPTS) == [".", "..", "r.json"]
    async with client.open(f"{RECEIPTS}/r.json", "rb") as file:
        content: Any = await file.read()
        assert content == b"{}"
    await put(client, NAME)
    for attempt in (
        client.open(f"{RECEIPTS}/new.json", "wb"),
        client.open(f"{RECEIPTS}/r.json", "ab"),
        client.remove(f"{RECEIPTS}/r.json"),
        client.rename(f"{RECEIPTS}/r.json", f"{INCOMING}/r.json"),
        client.posix_rename(f"{INCOMING}/{NAME}", f"{RECEIPTS}/{NAME}"),
    ):
        with pytest.raises(asyncssh.SFTPPermissionDenied):
            await attempt


async def test_a_name_that_cannot_be_written_down_is_refused(client: asyncssh.SFTPClient) -> None:
    """A line break in a file's name could forge a line in a receipt or a log."""
    for name in (b"a\nb.csv", b"\xff.csv", b"a" * 256):
        with pytest.raises(asyncssh.SFTPPermissionDenied):
            await client.open(INCOMING.encode() + b"/" + name, "wb")


async def test_a_waiting_file_can_be_renamed_and_removed(
    school: School, client: asyncssh.SFTPClient
) -> None:
    """Until it is claimed a file is its sender's."""
    await put(client, NAME)
    await client.rename(f"{INCOMING}/{NAME}", f"{INCOMING}/student_billing_2.csv")
    assert await client.listdir(INCOMING) == [".", "..", "student_billing_2.csv"]
    assert school.notes()[0].inode == (school.incoming / "student_billing_2.csv").stat().st_ino
    await client.remove(f"{INCOMING}/student_billing_2.csv")
    assert await client.listdir(INCOMING) == [".", ".."]
    assert school.notes() == []
    with pytest.raises(asyncssh.SFTPNoSuchFile):
        await client.remove(f"{INCOMING}/student_billing_2.csv")


async def test_a_removed_name_is_gone_also_after_an_interrupted_upload(
    school: School, client: asyncssh.SFTPClient
) -> None:
    """What a client withdraws does not come back as a half of something."""
    await put(client, f"{NAME}.part")
    raw = await school.raw()
    handle = await raw.open(f"{NAME}.part")
    await raw.write(handle, 0, b"half")
    raw.connection.abort()
    await school.until_event("upload_interrupted")
    await client.remove(f"{INCOMING}/{NAME}.part")
    assert await client.listdir(INCOMING) == [".", ".."]


async def test_renaming_onto_a_waiting_recognised_file_loses_neither(
    school: School, client: asyncssh.SFTPClient
) -> None:
    """The commit of a temporary name while yesterday's file still waits: both are processed."""
    await put(client, NAME, b"yesterday")
    await put(client, f"{NAME}.part", b"today")
    await client.rename(f"{INCOMING}/{NAME}.part", f"{INCOMING}/{NAME}")
    assert (school.incoming / NAME).read_bytes() == b"today"
    [claimed] = list(school.folders.claimed("SPRINGFIELD").iterdir())
    assert (claimed / NAME).read_bytes() == b"yesterday"


async def test_a_plain_rename_replaces_no_other_file(
    school: School, client: asyncssh.SFTPClient
) -> None:
    """As the protocol says; the POSIX kind of rename replaces."""
    await put(client, "a.part", b"a")
    await put(client, "b.part", b"b")
    with pytest.raises(asyncssh.SFTPFailure, match="already exists"):
        await client.rename(f"{INCOMING}/a.part", f"{INCOMING}/b.part")
    await client.posix_rename(f"{INCOMING}/a.part", f"{INCOMING}/b.part")
    assert (school.incoming / "b.part").read_bytes() == b"a"
    assert len(school.notes()) == 1


async def test_renaming_a_file_to_its_own_name_changes_nothing(
    school: School, client: asyncssh.SFTPClient
) -> None:
    """A file must not make way for itself."""
    await put(client, NAME)
    await client.posix_rename(f"{INCOMING}/{NAME}", f"{INCOMING}/{NAME}")
    assert (school.incoming / NAME).exists()
    assert list(school.folders.claimed("SPRINGFIELD").iterdir()) == []


async def test_a_partial_cannot_be_renamed_into_a_file(
    school: School, client: asyncssh.SFTPClient
) -> None:
    """Renaming is the commit; half a file has nothing to commit. Removing it is fine."""
    raw = await school.raw()
    handle = await raw.open(f"{NAME}.filepart")
    await raw.write(handle, 0, b"half")
    raw.connection.abort()
    await school.until_event("upload_interrupted")
    with pytest.raises(asyncssh.SFTPFailure, match="whole"):
        await client.rename(f"{INCOMING}/{NAME}.filepart", f"{INCOMING}/{NAME}")
    await client.remove(f"{INCOMING}/{NAME}.filepart")
    assert await client.listdir(INCOMING) == [".", ".."]


async def test_a_claimed_file_still_answers_for_a_while(
    school: School, client: asyncssh.SFTPClient
) -> None:
    """WinSCP sets the time after CLOSE, others look at the size: the claim is faster."""
    await put(client, f"{NAME}.part", b"12345")
    await client.rename(f"{INCOMING}/{NAME}.part", f"{INCOMING}/{NAME}")
    assert take(school.folders, school.notes()[0].account, NAME)
    assert (await client.stat(f"{INCOMING}/{NAME}")).size == 5
    await client.utime(f"{INCOMING}/{NAME}", (1, 1))
    await client.remove(f"{INCOMING}/{NAME}")
    withdrawn = school.events("upload_withdrawn")[0]
    assert (withdrawn["outcome"], withdrawn["log_level"]) == ("too_late", "warning")
    assert await client.listdir(INCOMING) == [".", ".."]
    with pytest.raises(asyncssh.SFTPNoSuchFile):
        await client.open(f"{INCOMING}/{NAME}", "rb")


async def test_a_file_that_is_being_uploaded_is_seen_by_its_own_session(
    school: School, client: asyncssh.SFTPClient
) -> None:
    """Sshfs looks at a file right after it created it; others see it when it is whole."""
    other = await school.sftp()
    async with client.open(f"{INCOMING}/{NAME}", "wb") as file:
        await file.write(b"123")
        assert (await file.stat()).size == 3
        assert (await client.stat(f"{INCOMING}/{NAME}")).size == 3
        assert not await other.exists(f"{INCOMING}/{NAME}")


async def test_opening_exclusively_fails_only_on_a_waiting_file(
    school: School, client: asyncssh.SFTPClient
) -> None:
    """A client that never overwrites can still try again after a drop."""
    raw = await school.raw()
    handle = await raw.open(NAME)
    await raw.write(handle, 0, b"half of it")
    raw.connection.abort()
    await school.until_event("upload_interrupted")
    async with client.open(f"{INCOMING}/{NAME}", "xb") as file:
        await file.write(b"all")
    assert (school.incoming / NAME).read_bytes() == b"all"
    with pytest.raises(asyncssh.SFTPFailure, match="already exists"):
        await client.open(f"{INCOMING}/{NAME}", "xb")


async def test_temporary_names_are_counted_apart(open_door: Any) -> None:
    """A job that never renames locks nobody out, nor itself; only a flood of them is stopped."""
    limits = DoorLimits(disk_reserve_bytes=0, max_files_waiting=2, max_temporary_files=2)
    school = await open_door(limits=limits)
    client = await school.sftp()
    for number in range(101):  # far beyond the limit: nobody sets the oldest aside here
        (school.incoming / f"{number}.part").write_bytes(b"x")
    await put(client, "101.part")
    await put(client, NAME)
    await put(client, "notes.txt")
    for name, words in ((".5.csv", "try again later"), ("more.txt", "try again later")):
        with pytest.raises(asyncssh.SFTPFailure, match=words):
            await client.open(f"{INCOMING}/{name}", "wb")
    await client.rename(f"{INCOMING}/0.part", f"{INCOMING}/student_billing_0.csv")
    await put(client, "5.tmp")
    assert [event["reason"] for event in school.events("upload_refused")] == [
        "too_many_waiting"
    ] * 2


async def test_listing_a_folder_that_does_not_exist_fails(client: asyncssh.SFTPClient) -> None:
    """A typo in a path is an error, not an empty folder."""
    with pytest.raises(asyncssh.SFTPNoSuchFile):
        await client.listdir("/SPRINGFIELD/income")
