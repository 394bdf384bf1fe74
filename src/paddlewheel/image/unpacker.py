"""Writing a layer's members below a folder, safely, with its whiteouts as overlayfs has them. See `unpack`."""

# Paths are strings here: a Path for each of ten thousand files would cost a good part of the time.
# ruff: noqa: PTH101, PTH102, PTH108, PTH112, PTH120, PTH211

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from paddlewheel.errors import ImageError, StorageError
from paddlewheel.image.blobs import write_all
from paddlewheel.image.tarread import LayerReader, Member

WHITEOUT: Final = ".wh."
OPAQUE: Final = ".wh..wh..opq"
_MAX_LINKS: Final = 40


class Unpacker:
    """Writes members below `root`, an empty folder that nobody else touches meanwhile.

    What was made is remembered, so that a path can be resolved without asking the disk: a folder in `_folders` is
    a real one. `label` names the layer in errors.
    """

    def __init__(self, root: Path, label: str) -> None:
        self._root = str(root)
        self.owners: dict[str, list[int]] = {}
        """Path -> uid and gid, where not both are 0."""
        self._label = label
        self._owner = os.geteuid() == 0
        self._folders: dict[str, Member | None] = {"": None}
        self._links: dict[str, str] = {}
        self._whiteouts: list[str] = []
        self._opaque: set[str] = set()

    def unpack(self, reader: LayerReader) -> None:
        """Write all members, then what must come last: whiteouts, and the folders' own modes and times."""
        for member in reader:
            parts = self._parts(member.path)
            if not parts:
                if member.kind == "dir":
                    self._folders[""] = member
                continue
            *above, name = parts
            if name == OPAQUE:
                self._opaque.add(self._folder(above))
            elif name.startswith(WHITEOUT + WHITEOUT):
                continue  # a remnant of aufs
            elif name in (WHITEOUT, WHITEOUT + ".", WHITEOUT + ".."):
                raise ImageError(f"layer {self._label} removes nothing that can be named: {member.path!r}")
            elif name.startswith(WHITEOUT):
                self._whiteouts.append(_join(self._folder(above), name.removeprefix(WHITEOUT)))
            else:
                self._write(member, _join(self._folder(above), name), reader)
        for path in self._whiteouts:
            self._white_out(path)
        for path in self._opaque:
            self._make_opaque(path)
        # Children before parents, or a time would be overwritten.
        for path, folder in sorted(self._folders.items(), reverse=True):
            self._finish_folder(path, folder)

    def _parts(self, path: str) -> list[str]:
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if ".." in parts or "\0" in path:
            raise ImageError(f"layer {self._label} has a member that leads out of it: {path!r}")
        return parts

    def _folder(self, parts: Sequence[str]) -> str:
        """The path, without links, of a member's parent, made where it is missing."""
        path = "/".join(parts)
        if path in self._folders:
            return path
        return self._resolve(list(parts))

    def _resolve(self, parts: list[str]) -> str:
        """Walk `parts` from the root, following the layer's own links within the root."""
        todo, at, links = parts[::-1], "", 0
        while todo:
            part = todo.pop()
            if part in ("", "."):
                continue
            if part == "..":
                at = at.rpartition("/")[0]
                continue
            path = _join(at, part)
            if path in self._links:
                links += 1
                if links > _MAX_LINKS:
                    raise ImageError(f"layer {self._label} has links in a circle: {'/'.join(parts)!r}")
                target = self._links[path]
                at = "" if target.startswith("/") else at
                todo.extend(target.split("/")[::-1])
                continue
            if path not in self._folders:
                if os.path.lexists(self._at(path)):
                    raise ImageError(f"layer {self._label} has {'/'.join(parts)!r} below {path!r}, which is no folder")
                os.mkdir(self._at(path), 0o755)
                self._folders[path] = None
            at = path
        return at

    def _write(self, member: Member, path: str, reader: LayerReader) -> None:
        if member.uid or member.gid:
            self.owners[path] = [member.uid, member.gid]
        else:
            self.owners.pop(path, None)
        if member.kind == "dir" and path in self._folders:
            self._folders[path] = member
            return
        place = self._at(path)
        if member.kind == "file":
            self._write_file(member, path, place, reader)
        elif member.kind == "dir":
            self._make(path, lambda: os.mkdir(place, 0o700))
            self._folders[path] = member
        elif member.kind == "symlink":
            if not member.target or "\0" in member.target:
                raise ImageError(f"layer {self._label}: link {path!r} has no target")
            self._make(path, lambda: os.symlink(member.target, place))
            self._links[path] = member.target
            self._set_owner(place, member)
            os.utime(place, ns=_times(member), follow_symlinks=False)
        elif member.kind == "hardlink":
            self._link(member, path, place)

    def _write_file(self, member: Member, path: str, place: str, reader: LayerReader) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            handle = os.open(place, flags, 0o600)
        except FileExistsError:
            self._remove(path)
            handle = os.open(place, flags, 0o600)
        try:
            for piece in reader.body():
                write_all(handle, piece)
            self._set_owner_mode_time(handle, member)
        finally:
            os.close(handle)

    def _set_owner_mode_time(self, handle: int, member: Member) -> None:
        self._set_owner(handle, member)
        # After the owner, because a change of owner takes set-user-id away.
        os.chmod(handle, member.mode if self._owner else member.mode | 0o600)
        os.utime(handle, ns=_times(member))

    def _set_owner(self, place: str | int, member: Member) -> None:
        if not self._owner:
            return
        try:
            os.chown(place, member.uid, member.gid, follow_symlinks=isinstance(place, int))
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EINVAL):
                raise
            # Root of a user namespace or of a network file system: an ordinary user in all that counts here.
            self._owner = False

    def _link(self, member: Member, path: str, place: str) -> None:
        *above, name = self._parts(member.target) or [""]
        target = _join(self._folder(above), name)
        if target == path:
            return
        try:
            self._make(path, lambda: os.link(self._at(target), place, follow_symlinks=False))
        except (FileNotFoundError, PermissionError) as error:
            raise ImageError(
                f"layer {self._label}: {path!r} is a hard link to {member.target!r}, which is no file in this layer"
            ) from error
        if target in self._links:
            self._links[path] = self._links[target]
            return
        # Docker and GNU tar let the link's own header count for the file that both names share.
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            self._set_owner_mode_time(handle, member)
        finally:
            os.close(handle)

    def _make(self, path: str, make: Callable[[], object]) -> None:
        try:
            make()
        except FileExistsError:
            self._remove(path)
            make()

    def _remove(self, path: str) -> None:
        """Forget what an earlier member of the same name made: the last one counts."""
        place = self._at(path)
        if path in self._folders:
            shutil.rmtree(place)
            gone = {known for known in (*self._folders, *self._links) if f"{known}/".startswith(f"{path}/")}
            self._opaque -= gone
            for known in gone:
                self._folders.pop(known, None)
                self._links.pop(known, None)
        else:
            self._links.pop(path, None)
            os.unlink(place)

    def _white_out(self, path: str) -> None:
        place = self._at(path)
        if path in self._folders:
            # Removed below and made anew here: nothing of the old folder shows through.
            self._opaque.add(path)
        elif os.path.isdir(os.path.dirname(place)) and not os.path.lexists(place):
            try:
                os.mknod(place, stat.S_IFCHR, os.makedev(0, 0))
            except PermissionError as error:
                raise StorageError(
                    f"{place}: the kernel does not let this user mark a file as removed",
                    hint="Linux 5.8 or newer does; else run as root",
                ) from error

    def _make_opaque(self, path: str) -> None:
        place = self._at(path)
        try:
            os.setxattr(place, "user.overlay.opaque", b"y")
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            raise StorageError(
                f"the disk that holds {self._root} has no extended attributes, which this image's layers need",
                hint="set PADDLEWHEEL_CACHE_DIR to a folder on another disk",
            ) from error
        if self._owner:
            # For a mount without `userxattr`; inside a user namespace only the other can be set.
            try:
                os.setxattr(place, "trusted.overlay.opaque", b"y")
            except OSError as error:
                if error.errno not in (errno.EPERM, errno.EOPNOTSUPP):
                    raise

    def _finish_folder(self, path: str, member: Member | None) -> None:
        place = self._at(path)
        mode = 0o755 if member is None else member.mode
        if member is not None:
            self._set_owner(place, member)
        os.chmod(place, mode if self._owner else mode | 0o700)
        if member is not None:
            os.utime(place, ns=_times(member))

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _times(member: Member) -> tuple[int, int]:
    moment = int(member.mtime * 1e9)
    return moment, moment
