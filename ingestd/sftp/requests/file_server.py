"""What an SFTP client's requests on open files do: one server per channel."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import cast

import asyncssh
from asyncssh import SFTPAttrs
from asyncssh.misc import MaybeAwait

from ingestd.sftp.requests.answers import answered, file_attributes
from ingestd.sftp.requests.tree_server import TreeServer
from ingestd.sftp.tree.places import File, FolderName
from ingestd.sftp.uploads.lifecycle import OpenRequest
from ingestd.sftp.uploads.losses import WORDS_OTHERWISE, Loss
from ingestd.sftp.uploads.staged_upload import StagedUpload

_READ_BYTES_MAX = 256 * 1024


@dataclass(slots=True, kw_only=True)
class ReadHandle:
    """A file that a client reads."""

    descriptor: int

    def read(self, offset: int, length: int) -> bytes:
        """Return what is there; nothing at or after the end."""
        return os.pread(self.descriptor, length, offset)


Handle = ReadHandle | StagedUpload


class FileServer(TreeServer):
    """Answers one channel, and decides what its CLOSE requests mean."""

    _interrupted = False

    async def open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> Handle:
        """Open a file to read, or begin an upload."""
        if self._hold.open_files >= self._hold.max_open_files:
            raise asyncssh.SFTPFailure(f"more than {self._hold.max_open_files} open files")
        # Counted before it is open: other channels open files while this one waits.
        self._hold.open_files += 1
        try:
            return await self._open(path, pflags, attrs)
        except BaseException:
            self._hold.open_files -= 1
            raise

    def write(self, file_obj: object, offset: int, data: bytes) -> MaybeAwait[int]:
        """Write all of `data`, or fail this and every later request on the handle."""
        if not isinstance(file_obj, StagedUpload):
            raise asyncssh.SFTPPermissionDenied("opened for reading")
        if file_obj.continues_base(offset):
            return self._write_after_base(file_obj, offset, data)
        with answered(self._log):
            file_obj.write(offset, data)
        self._uploads.follow(file_obj)
        return len(data)

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        """Read what is there; nothing at or after the end."""
        return _handle(file_obj).read(offset, min(size, _READ_BYTES_MAX))

    async def close(self, file_obj: object) -> None:
        """End a handle. Only what the client itself closed can be a whole upload."""
        self._hold.open_files -= 1
        handle = _handle(file_obj)
        if isinstance(handle, ReadHandle):
            os.close(handle.descriptor)
            return
        try:
            await self._end(handle)
        finally:
            self._hold.open_uploads.remove(handle)

    def fsync(self, file_obj: object) -> None:
        """Promise nothing yet: CLOSE is what makes an upload durable."""

    def fstat(self, file_obj: object) -> SFTPAttrs:
        """Return the attributes of an open file."""
        handle = _handle(file_obj)
        if isinstance(handle, StagedUpload):
            return file_attributes(handle.size_bytes, self._uploads.now())
        status = os.fstat(handle.descriptor)
        return file_attributes(status.st_size, status.st_mtime)

    def fsetstat(self, file_obj: object, attrs: SFTPAttrs) -> None:
        """Set the size of an upload; modes, owners and times are heard and ignored."""
        if attrs.size is None:
            return
        if not isinstance(file_obj, StagedUpload):
            raise asyncssh.SFTPPermissionDenied("opened for reading")
        with answered(self._log):
            file_obj.truncate(attrs.size)

    def exit(self) -> None:
        """Tell the client that its session ended well: scp fails without an exit status."""
        self.channel.exit(1 if self._interrupted else 0)

    async def _open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> Handle:
        if pflags & asyncssh.FXF_WRITE:
            file = self._upload_target(path, request="open")
            with answered(self._log):
                return await self._begin(file, pflags, attrs)
        place = self._place(path)
        if place is None:
            raise asyncssh.SFTPNoSuchFile("no such file")
        if not isinstance(place, File):
            raise asyncssh.SFTPFileIsADirectory("is a folder")
        with answered(self._log):
            return await self._open_to_read(place)

    async def _begin(self, file: File, pflags: int, attrs: SFTPAttrs) -> StagedUpload:
        if self._hold.draining:
            raise asyncssh.SFTPFailure("the server is stopping; send the file in a minute")
        waits = self._files.waits(file.name)
        if waits and pflags & asyncssh.FXF_EXCL:
            raise asyncssh.SFTPFileAlreadyExists("already exists")
        taken = self._uploads.received.find(self._account, file.name)
        if not (pflags & asyncssh.FXF_CREAT or taken or self._files.find(file)):
            raise asyncssh.SFTPNoSuchFile("no such file")
        truncate = bool(pflags & (asyncssh.FXF_TRUNC | asyncssh.FXF_EXCL))
        request = OpenRequest(
            filename=file.name,
            truncate=truncate,
            append=bool(pflags & asyncssh.FXF_APPEND),
            taken_bytes=None if taken is None else taken.size_bytes,
            # Some clients send their attributes unset, as zeros.
            announced_bytes=attrs.size or None,
        )
        upload = await self._uploads.begin(self._hold.sender, request, self._log)
        self._hold.open_uploads.append(upload)
        return upload

    async def _open_to_read(self, file: File) -> ReadHandle:
        if file.folder is FolderName.RECEIPTS:
            await self._uploads.others.of(self._account).receipts_at_hand(self._account)
        descriptor = await asyncio.to_thread(self._files.open, file)
        if descriptor is None:
            raise asyncssh.SFTPNoSuchFile("no such file")
        return ReadHandle(descriptor=descriptor)

    async def _write_after_base(self, upload: StagedUpload, offset: int, content: bytes) -> int:
        with answered(self._log):
            await asyncio.to_thread(upload.copy_base)
            upload.write(offset, content)
        return len(content)

    async def _end(self, upload: StagedUpload) -> None:
        loss = self._hold.ending
        if loss is None and self.aborting:
            lost = self.channel.is_closing()
            loss = Loss.CONNECTION_LOST if lost else Loss.SESSION_ENDED
        if loss is None:
            with answered(self._log):
                await self._uploads.end_closed(upload, self._log)
            self._hold.uploads_received += 1
            return
        self._interrupted = True
        await self._uploads.end_lost(upload, upload.failure or loss, self._log)
        if not self.aborting:
            raise asyncssh.SFTPFailure(WORDS_OTHERWISE)


def _handle(file_obj: object) -> Handle:
    """Return what `open` gave to asyncssh, which does not know its type."""
    return cast(Handle, file_obj)
