"""No image has more layers than it may have."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from paddlewheel.errors import SettingsError
from paddlewheel.plan.make import Choices, make_plan
from paddlewheel.plan.model import InstallWheels
from paddlewheel.project.model import Settings
from tests.cli.fakes import lock, project
from tests.proof.builds import build
from tests.proof.harbour import Harbour, opened
from tests.support.wheels import make_wheel


def wheel_layers(patterns: int, layers: int) -> int:
    """How many layers the plan of a copied app leaves to its wheels."""
    files = tuple(f"part{number}" for number in range(patterns)) or None
    settings = Settings(files=files, cmd=("python", "-V"))
    known = lock(Path())
    libc = replace(known.base.packages[0], name="libc6", version="2.36-9")
    known = replace(
        known,
        base=replace(known.base, packages=(*known.base.packages, libc)),
        python=replace(known.python, pylock=replace(known.python.pylock, packages=[])),
    )
    plan = make_plan(replace(project(), settings=settings), known, Choices(layers=layers))
    (install,) = (step for stage in plan.stages for step in stage.steps if isinstance(step, InstallWheels))
    return install.layers


@pytest.mark.parametrize(
    ("patterns", "layers", "wheels"), [(0, 8, 3), (1, 8, 3), (3, 8, 1), (0, 127, 122), (9, 60, 47)]
)
def test_the_wheels_get_what_is_left(patterns: int, layers: int, wheels: int) -> None:
    assert wheel_layers(patterns, layers) == wheels


def test_patterns_that_leave_nothing_to_the_wheels() -> None:
    with pytest.raises(SettingsError, match="files: 4 patterns, a layer each, are too many for 8 layers") as caught:
        wheel_layers(4, 8)
    assert caught.value.hint is not None
    assert "allow 9 layers" in caught.value.hint
    assert wheel_layers(4, 9) == 1


def test_an_image_has_at_most_so_many(tmp_path: Path) -> None:
    with opened(tmp_path / "harbour") as harbour:
        noise = random.Random(7)
        for number in range(6):
            make_wheel(
                harbour.folder / "wheels",
                f"heavy{number}",
                files={f"heavy{number}/data.bin": noise.randbytes(700 << 10)},
            )
        found = {most: number_of_layers(harbour, tmp_path, str(most)) for most in (8, 9, 12, 60)}
    assert all(number <= most for most, number in found.items()), found
    assert found[60] > 12


def number_of_layers(harbour: Harbour, folder: Path, most: str) -> int:
    root = harbour.project(folder / most / "boat")
    settings = root / "paddlewheel.toml"
    settings.write_text(settings.read_text() + 'files = [".", "pages"]\n')
    result = build(root, harbour.environment(folder / "cache"), "--layers", most, "--json")
    assert result.status == 0, result.err
    return len(json.loads(result.out)["layers"])
