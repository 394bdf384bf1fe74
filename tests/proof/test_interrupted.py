"""Ctrl-C, SIGTERM and kill -9 at any moment: nothing is left behind that the next build does not remove."""

from __future__ import annotations

import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from paddlewheel.image.store import file_digest
from tests.proof.builds import SIGNALS, Build, all_gone, build, debris, mounts, partials
from tests.proof.harbour import LARGE, Harbour
from tests.support.server import wait_for
from tests.support.wheels import sha256

ROUNDS = 12


@dataclass(frozen=True)
class Undisturbed:
    """What builds that nothing disturbs make, and how many seconds they work once they heed signals.

    `cold`: with an empty cache; `warm`: with all that another build of the project left there.
    """

    reference: str
    archive: str
    cold: float
    warm: float

    def moment(self, chance: random.Random, *, cold: bool) -> float:
        """Seconds from when a build heeds signals to some moment of its work, however fast this machine is."""
        return chance.uniform(0.0, 0.8) * (self.cold if cold else self.warm)


def undisturbed(harbour: Harbour, folder: Path) -> Undisturbed:
    """Build a few times. The first time is not counted, as all must be read from the disk."""
    cache, project = folder / "cache", harbour.project(folder / "first" / "boat")
    reference, archive = build(project, harbour.environment(cache)).reference, archive_digest(project)
    cold = [_seconds(harbour, folder / f"cold{number}", folder / f"cold-cache{number}") for number in range(2)]
    warm = [_seconds(harbour, folder / f"warm{number}", cache) for number in range(2)]
    return Undisturbed(reference, archive, min(cold), min(warm))


def _seconds(harbour: Harbour, folder: Path, cache: Path) -> float:
    whole = Build(harbour.project(folder / "boat"), harbour.environment(cache))
    whole.wait_until_it_heeds_signals()
    begun = time.monotonic()
    whole.result().reference  # noqa: B018 - raises unless it succeeded
    return time.monotonic() - begun


def archive_digest(project: Path) -> str:
    (archive,) = (project / "dist").glob("*.oci.tar")
    return file_digest(archive)


@pytest.mark.slow
def test_any_signal_at_any_moment(harbour: Harbour, tmp_path: Path) -> None:
    normal = undisturbed(harbour, tmp_path / "normal")
    chance = random.Random(20260301)
    ended = 0
    for number in range(ROUNDS):
        what = list(SIGNALS)[number % len(SIGNALS)]
        # Every other round goes on with what the rounds before have left.
        cache, project = tmp_path / f"cache{number // 2}", harbour.project(tmp_path / f"project{number}" / "boat")
        disturbed = Build(project, harbour.environment(cache))
        disturbed.wait_until_it_heeds_signals()
        time.sleep(normal.moment(chance, cold=number % 2 == 0))
        disturbed.kill(what, group=what is signal.SIGINT)
        result = disturbed.result()
        # Python itself may take the signal, when the image is finished and the process about to end.
        assert result.status in (0, SIGNALS[what]) or (result.status == -what and result.out), result.err
        ended += not result.out
        assert all_gone(disturbed.pid)
        assert mounts(tmp_path) == []
        if what is not signal.SIGKILL:
            assert debris(cache, project) == []
        assert build(project, harbour.environment(cache)).reference == normal.reference
        assert archive_digest(project) == normal.archive
        assert debris(cache, project) == []
        assert partials(cache) == []
    assert ended > ROUNDS // 2


@pytest.mark.parametrize("what", SIGNALS, ids=lambda what: what.name)
def test_a_download_that_is_ended_is_resumed(harbour: Harbour, tmp_path: Path, what: signal.Signals) -> None:
    project, cache = harbour.project(tmp_path / "boat"), tmp_path / "cache"
    slow = harbour.server.fault("*/beta-*", stall=LARGE // 2)
    disturbed = Build(project, harbour.environment(cache))
    (wheel,) = (harbour.folder / "wheels").glob("beta-*")
    partial = cache / "tmp" / f"download-{sha256(wheel)}.partial"
    wait_for(lambda: partial.exists() and partial.stat().st_size >= LARGE // 2, seconds=30)
    disturbed.kill(what, group=what is signal.SIGINT)
    result = disturbed.result()
    if what is not signal.SIGKILL:
        assert result.status == SIGNALS[what]
        assert "nothing half-written is left" in result.err
        assert debris(cache, project) == []
    assert all_gone(disturbed.pid)
    assert partial.stat().st_size >= LARGE // 2
    harbour.server.faults.remove(slow)
    harbour.server.requests.clear()
    build(project, harbour.environment(cache)).reference  # noqa: B018 - raises unless it succeeded
    (request,) = [request for request in harbour.server.requests if "beta" in request.path]
    assert int(request.headers["range"].removeprefix("bytes=").removesuffix("-")) >= LARGE // 2
    assert debris(cache, project) == []
    assert partials(cache) == []


def test_an_output_that_is_killed_leaves_the_old_one(harbour: Harbour, tmp_path: Path) -> None:
    project, cache = harbour.project(tmp_path / "boat"), tmp_path / "cache"
    output = tmp_path / "out" / "boat.tar"
    build(project, harbour.environment(cache), "-o", f"oci-archive:{output}").reference  # noqa: B018
    left = output.with_name(f".{output.name}.0123456789ab")
    left.write_bytes(b"half")  # as kill -9 leaves it
    (project / "app.py").write_text("import beta\n")
    before = file_digest(output)
    build(project, harbour.environment(cache), "-o", f"oci-archive:{output}").reference  # noqa: B018
    assert file_digest(output) != before
    assert [path.name for path in output.parent.iterdir()] == [output.name]
