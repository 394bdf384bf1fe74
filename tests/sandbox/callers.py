"""Who starts a sandbox in these tests, and with which root file system."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

DRIVER = Path(__file__).with_name("driver.py")
PROGRAMS = """
    sh awk cat chmod chown echo env false grep head hostname id kill ls mkdir mknod mount nc ps pwd readlink rm sleep
    sort stat stty tail touch true tty umount wc
"""


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `status` is None where an error was raised instead."""

    status: int | None
    stdout: str
    stderr: str
    error: str
    hint: str
    exit: int | None
    warnings: list[str]
    probe: list[tuple[str, bool, str, str | None]] = field(default_factory=list)


@dataclass(frozen=True)
class Caller:
    """A user of the machine who starts sandboxes. `home` is the user's own, `folder` one in it for this test.

    `users`: what the image sees.

    ``same``: root's own users. ``range``: subordinate ids. ``one``: only the image's user.
    """

    users: str
    uid: int
    gid: int
    home: Path
    folder: Path
    python: Path
    environment: Mapping[str, str]

    def anew(self) -> Caller:
        """The same user with an empty folder."""
        folder = Path(tempfile.mkdtemp(dir=self.home))
        folder.chmod(0o755)
        self.give(folder)
        return replace(self, folder=folder)

    @property
    def scratch(self) -> Path:
        return self.folder / "scratch"

    @property
    def base(self) -> Path:
        """A layer with a shell and what tests need, made once."""
        layer = self.home / "base"
        if not layer.exists():
            busybox(layer)
            self.give(layer)
        return layer

    def layer(self, name: str, files: Mapping[str, str | bytes]) -> Path:
        """A layer with these files (a name ending in ``/`` is a folder)."""
        layer = self.folder / name
        layer.mkdir(exist_ok=True)
        for path, content in files.items():
            place = layer / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if path.endswith("/"):
                place.mkdir(exist_ok=True)
            else:
                place.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.give(layer)
        return layer

    def give(self, place: Path) -> None:
        """Make `place` and all below it the user's own."""
        if self.uid != os.geteuid():
            for path in (place, *place.rglob("*")):
                os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def shell(self, script: str, *, layers: Sequence[Path] = (), stdin: str = "", **fields: Any) -> Outcome:
        """Run a script in the base and `layers` on it, as the image's user 65532 unless `fields` say other."""
        return self.run(["sh", "-c", script], layers=layers, stdin=stdin, **fields)

    def run(self, argv: Sequence[str], *, layers: Sequence[Path] = (), stdin: str = "", **fields: Any) -> Outcome:
        request, result = self.prepare(argv, layers, fields)
        done = subprocess.run(
            self.command(request, result),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **self.switch(),
        )
        return self.outcome(result, done.stdout, done.stderr)

    def start(
        self, argv: Sequence[str], *, layers: Sequence[Path] = (), streams: Mapping[str, Any] = {}, **fields: Any
    ) -> tuple[subprocess.Popen[str], Path]:
        """Start without waiting. Return the process and where its result will be."""
        request, result = self.prepare(argv, layers, fields)
        chosen = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE} | dict(streams)
        process = subprocess.Popen(self.command(request, result), text=True, **chosen, **self.switch())
        return process, result

    def prepare(self, argv: Sequence[str], layers: Sequence[Path], fields: Mapping[str, Any]) -> tuple[Path, Path]:
        number = len(list(self.folder.glob("request-*")))
        request, result = (self.folder / f"{kind}-{number}.json" for kind in ("request", "result"))
        values: dict[str, Any] = {
            "layers": [str(layer) for layer in (self.base, *layers)],
            "argv": list(argv),
            "scratch": str(self.scratch),
            "env": [["PATH", "/bin"]],
            "uid": 65532,
            "gid": 65532,
        }
        request.write_text(json.dumps(values | dict(fields), default=str))
        result.touch()
        self.give(result)
        return request, result

    def command(self, request: Path, result: Path) -> list[str]:
        return [str(self.python), str(self.home / DRIVER.name), str(request), str(result)]

    def switch(self) -> dict[str, Any]:
        """Arguments of `subprocess` to become this user."""
        other: dict[str, Any] = {"env": self.environment, "cwd": self.folder}
        if self.uid != os.geteuid():
            other |= {"user": self.uid, "group": self.gid, "extra_groups": ()}
        return other

    def outcome(self, result: Path, stdout: str = "", stderr: str = "") -> Outcome:
        text = result.read_text()
        assert text, f"the driver failed:\n{stderr}"
        found = json.loads(text)
        return Outcome(
            status=found["status"],
            stdout=stdout,
            stderr=stderr,
            error=found["error"] or "",
            hint=found["hint"] or "",
            exit=found["exit"],
            warnings=found["warnings"],
            probe=[(name, ok, detail, hint) for name, ok, detail, hint in found.get("probe", [])],
        )

    def left(self) -> list[str]:
        """Names that runs have left in the scratch folder."""
        return sorted(path.name for path in self.scratch.iterdir())


def busybox(layer: Path) -> None:
    """Make a root file system of a statically linked busybox."""
    (layer / "bin").mkdir(parents=True)
    shutil.copy("/bin/busybox", layer / "bin/busybox")
    for name in PROGRAMS.split():
        (layer / "bin" / name).symlink_to("busybox")
    (layer / "tmp").mkdir()
    (layer / "tmp").chmod(0o1777)
    (layer / "etc").mkdir()
    (layer / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nnonroot:x:65532:65532::/home/nonroot:/bin/sh\n")
    (layer / "etc/group").write_text("root:x:0:\nnonroot:x:65532:\nstaff:x:50:nonroot\n")
