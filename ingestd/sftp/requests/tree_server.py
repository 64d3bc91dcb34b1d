"""What clients see and rename: the part of an SFTP channel that works on names."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import asyncssh
from asyncssh import SFTPAttrs, SFTPName
from asyncssh.misc import MaybeAwait
from structlog.stdlib import BoundLogger

from ingestd.sftp.bounds.flow import KIB, Budget, Share
from ingestd.sftp.internals.packets import ChannelServer
from ingestd.sftp.requests.answers import answered, file_attributes, folder_attributes, named
from ingestd.sftp.requests.misplaced import Misplaced
from ingestd.sftp.tree.incoming import AccountFiles, Removed
from ingestd.sftp.tree.places import (
    BadName,
    File,
    Folder,
    FolderName,
    Home,
    Place,
    Root,
    canonical,
    resolve,
)
from ingestd.sftp.uploads.lifecycle import Uploads
from ingestd.sftp.uploads.losses import Loss
from ingestd.sftp.uploads.staged_upload import Sender, StagedUpload
from ingestd.telemetry.events import Event
from ingestd.telemetry.metrics import Metrics

_LISTED_BYTES = 1 * KIB  # what one found file takes, its path included


class SessionHold:
    """What one connection shares among its channels: who it is, and what it has open.

    `ending` is set when the door closes the session: no upload becomes whole after that.
    """

    def __init__(
        self,
        *,
        sender: Sender,
        log: BoundLogger,
        metrics: Metrics,
        max_open_files: int,
        windows: Budget,
    ) -> None:
        self.sender = sender
        self.log = log
        self.misplaced = Misplaced(sender.account, log, metrics)
        self._windows = windows
        self._listings = 0
        self.max_open_files = max_open_files
        self.open_files = 0
        self.open_uploads: list[StagedUpload] = []
        self.uploads_received = 0
        self.ending: Loss | None = None
        self.draining = False
        self.note_request()

    @contextlib.contextmanager
    def listing(self, files: int) -> Iterator[None]:
        """Hold a folder's listing until the client has read it. One is always allowed.

        Raises SFTPFailure when those that the client has begun hold too much already.
        """
        share = Share(self._windows)
        if self._listings and not share.grow(files * _LISTED_BYTES):
            raise asyncssh.SFTPFailure("too many listings were begun; read one to its end")
        self._listings += 1
        try:
            yield
        finally:
            self._listings -= 1
            share.release()

    def note_request(self) -> None:
        """Note that the client asked for something now."""
        self._active_at = asyncio.get_running_loop().time()

    def quiet_seconds(self) -> float:
        """Return for how long the client has asked for nothing."""
        return asyncio.get_running_loop().time() - self._active_at


class TreeServer(ChannelServer):
    """Answers every request about names and attributes, over the tree of one account."""

    def __init__(
        self,
        channel: asyncssh.SSHServerChannel[bytes],
        *,
        hold: SessionHold,
        uploads: Uploads,
    ) -> None:
        super().__init__(channel)
        self._hold = hold
        self._account = hold.sender.account
        self._uploads = uploads
        self._others = uploads.others.of(self._account)
        self._log = hold.log
        self.max_open_files = hold.max_open_files

    def note_request(self) -> None:
        """Keep the session from being closed as idle."""
        self._hold.note_request()

    def stat(self, path: bytes) -> MaybeAwait[SFTPAttrs]:
        """Return the attributes of what the path names."""
        place = self._place(path)
        is_receipt = isinstance(place, File) and place.folder is FolderName.RECEIPTS
        if is_receipt and self._others.bring_receipts:
            return self._stat_brought(path)
        return self._stat(path)

    async def _stat_brought(self, path: bytes) -> SFTPAttrs:
        await self._others.receipts_at_hand(self._account)
        return self._stat(path)

    def _stat(self, path: bytes) -> SFTPAttrs:
        place = self._place(path)
        if not isinstance(place, File):
            if place is None:
                raise asyncssh.SFTPNoSuchFile("no such file")
            return folder_attributes(self._uploads.now())
        with answered(self._log):
            attributes = self._attributes_of(place)
        if attributes is None:
            raise asyncssh.SFTPNoSuchFile("no such file")
        return attributes

    def lstat(self, path: bytes) -> MaybeAwait[SFTPAttrs]:
        """Return what `stat` returns: there are no links."""
        return self.stat(path)

    def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
        """List a folder; a missing one fails at once, not at the first READDIR."""
        place = self._place(path)
        if place is None or isinstance(place, File):
            raise asyncssh.SFTPNoSuchFile("no such folder")
        return self._list(place)

    def realpath(self, path: bytes) -> bytes:
        """Return the path as an absolute one; it need not exist."""
        return canonical(path)

    def format_user(self, uid: int | None) -> str:
        """Name the account as the owner of everything in a long listing."""
        return self._account

    def format_group(self, gid: int | None) -> str:
        """Name the account as the group of everything in a long listing."""
        return self._account

    async def remove(self, path: bytes) -> None:
        """Withdraw a waiting file or a partial. After the claim: OK, and a line in the log."""
        file = self._incoming_file(path)
        with answered(self._log):
            async with self._uploads.naming(self._account):
                is_ours = True
                if self._others.announcing is not None:
                    is_ours = await self._others.announcing.remove(self._files, file.name)
                removed = await asyncio.to_thread(self._files.remove, file.name)
        if removed is Removed.WAITING and not is_ours:
            removed = Removed.NOTHING  # another node was first
        log = self._log.bind(filename=file.name)
        if removed is Removed.PARTIAL:
            log.info(Event.UPLOAD_WITHDRAWN, outcome=removed.value)
            return
        received = self._uploads.received.find(self._account, file.name)
        if received is not None:
            log = log.bind(upload_id=received.upload_id)
        elif removed is Removed.NOTHING:
            raise asyncssh.SFTPNoSuchFile("no such file")
        if removed is Removed.WAITING:
            self._uploads.received.forget(self._account, file.name)
            log.info(Event.UPLOAD_WITHDRAWN, outcome=removed.value)
        else:
            # Whoever sent it believes it gone, and it is charged all the same.
            log.warning(Event.UPLOAD_WITHDRAWN, outcome=removed.value)

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Rename a waiting file; it replaces nothing that nobody would claim."""
        await self._rename(oldpath, newpath, replaces=False)

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Rename a waiting file; renaming a temporary name to a recognised one commits it."""
        await self._rename(oldpath, newpath, replaces=True)

    async def _rename(self, oldpath: bytes, newpath: bytes, *, replaces: bool) -> None:
        old = self._incoming_file(oldpath)
        if not self._files.waits(old.name):
            if self._files.keeps_partial(old.name):
                raise asyncssh.SFTPFailure("the file did not arrive whole; send it again")
            raise asyncssh.SFTPNoSuchFile("no such file")
        new = self._upload_target(newpath, request="rename")
        if old.name == new.name:
            return
        is_free = self._files.is_recognised(new.name) or not self._files.waits(new.name)
        if not (replaces or is_free):
            raise asyncssh.SFTPFileAlreadyExists("already exists")
        with answered(self._log):
            async with self._uploads.naming(self._account):
                if self._others.announcing is not None:
                    await self._others.announcing.rename(self._files, old.name, new.name)
                renamed = await asyncio.to_thread(self._files.rename, old.name, new.name)
                if renamed:
                    self._uploads.received.rename(self._account, old.name, new.name)
        if not renamed:
            raise asyncssh.SFTPNoSuchFile("no such file")
        self._log.info(Event.UPLOAD_RENAMED, filename=new.name, filename_before=old.name)

    def setstat(self, path: bytes, attrs: SFTPAttrs) -> None:
        """Hear and ignore modes, owners and times, also of what was claimed; refuse a new size."""
        present = self._stat(path)
        if attrs.size is not None and attrs.size != present.size:
            raise asyncssh.SFTPPermissionDenied("a file that was closed keeps its size")

    def lsetstat(self, path: bytes, attrs: SFTPAttrs) -> None:
        """Do what `setstat` does: there are no links."""
        self.setstat(path, attrs)

    def mkdir(self, path: bytes, attrs: SFTPAttrs) -> None:
        """Answer that the folder exists, or that no other can."""
        place = self._place(path)
        if place is not None and not isinstance(place, File):
            raise asyncssh.SFTPFileAlreadyExists("already exists")
        raise self._hold.misplaced.refusal_of_folder(path)

    def rmdir(self, path: bytes) -> None:
        """Refuse: the folders stay."""
        raise asyncssh.SFTPPermissionDenied("folders cannot be removed here")

    def readlink(self, path: bytes) -> bytes:
        """Refuse: there are no links."""
        raise asyncssh.SFTPOpUnsupported("there are no links here")

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        """Refuse: there are no links."""
        raise asyncssh.SFTPOpUnsupported("there are no links here")

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        """Refuse: there are no links."""
        raise asyncssh.SFTPOpUnsupported("there are no links here")

    def _attributes_of(self, file: File) -> SFTPAttrs | None:
        found = self._files.find(file)
        if found is not None and not found.partial:
            return file_attributes(found.size_bytes, found.modified)
        if file.folder is FolderName.RECEIPTS:
            return None
        for upload in reversed(self._hold.open_uploads):
            # sshfs and others look at a file that they have just created.
            if upload.filename == file.name:
                return file_attributes(upload.size_bytes, self._uploads.now())
        if found is not None:
            return file_attributes(found.size_bytes, found.modified)
        received = self._uploads.received.find(self._account, file.name)
        if received is None:
            return None
        return file_attributes(received.size_bytes, received.received_at)

    async def _list(self, place: Root | Home | Folder) -> AsyncIterator[SFTPName]:
        now = self._uploads.now()
        for name in (".", ".."):
            yield named(name, folder_attributes(now))
        match place:
            case Root():
                yield named(self._account, folder_attributes(now))
            case Home():
                for folder in FolderName:
                    yield named(folder.value, folder_attributes(now))
            case Folder():
                if place.name is FolderName.RECEIPTS:
                    await self._others.receipts_at_hand(self._account)
                with answered(self._log):
                    found_files = await asyncio.to_thread(self._files.list_folder, place.name)
                with self._hold.listing(len(found_files)):
                    for found in found_files:
                        yield named(found.name, file_attributes(found.size_bytes, found.modified))

    @property
    def _files(self) -> AccountFiles:
        return self._uploads.files_of(self._account)

    def _place(self, path: bytes) -> Place | None:
        """Return what a path names; under a name that no file can have there is nothing."""
        place = resolve(path, self._account)
        return None if isinstance(place, BadName) else place

    def _upload_target(self, path: bytes, *, request: str) -> File:
        """Return the file in `incoming/` that a path names, or refuse to put anything there."""
        place = resolve(path, self._account)
        if isinstance(place, File) and place.folder is FolderName.INCOMING:
            return place
        raise self._hold.misplaced.refusal_of_upload(path, place, request=request)

    def _incoming_file(self, path: bytes) -> File:
        place = self._place(path)
        if isinstance(place, File) and place.folder is FolderName.INCOMING:
            return place
        if place is None:
            raise asyncssh.SFTPNoSuchFile("no such file")
        raise asyncssh.SFTPPermissionDenied("only files in incoming can be changed")
