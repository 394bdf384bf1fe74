"""Popular wheels of all kinds: what our layers hold equals what uv installs, and every common reader can read them."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

from paddlewheel.engines.embedded.install import Venv
from paddlewheel.engines.embedded.splice import WheelFile, splice
from paddlewheel.image.model import Layer
from paddlewheel.image.store import Store, file_digest
from paddlewheel.image.validate import check_layer
from tests.engines.venvs import PREFIX, differences, uv_venv
from tests.proof import popular
from tests.support.need import need_program
from tests.support.tarfiles import extract

pytestmark = [pytest.mark.network, pytest.mark.slow]

PINS = popular.pins()
NAMESPACES = ("google-cloud-storage", "google-cloud-core", "google-api-core", "googleapis-common-protos")


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel files by name, chosen by our own rules for this machine, downloaded once and kept for the next run."""
    folder = tmp_path_factory.mktemp("popular")
    return popular.fetch_all(popular.choose(PINS, folder), folder / "wheels")


def compare(folder: Path, *paths: Path) -> None:
    """Splice `paths` into a layer, have it read by Python, gzip and GNU tar, and compare with uv's installation."""
    store = Store(folder / "store")
    made = splice([WheelFile(path=path, filename=path.name) for path in paths], Venv(PREFIX, (3, 11)), store)
    blob = store.path(made.layer.digest)
    assert file_digest(blob) == made.layer.digest
    layer = Layer(descriptor=made.layer.descriptor(), diff_id=made.layer.diff_id)
    assert check_layer(layer, store) == []
    subprocess.run([need_program("gzip"), "--test", "--stdout", blob], stdin=subprocess.DEVNULL, check=True)
    by_python, by_tar = folder / "python", folder / "tar"
    by_python.mkdir()
    with tarfile.open(blob, "r:gz") as archive:
        extract(archive, by_python)
    by_tar.mkdir()
    command = [need_program("tar"), "--extract", "--gzip", "--preserve-permissions", "--no-same-owner"]
    subprocess.run([*command, "--file", blob, "--directory", by_tar], check=True)
    theirs = uv_venv(folder / "uv", paths)
    for root in (by_python, by_tar):
        assert differences(root / PREFIX.lstrip("/"), theirs) == []


def test_the_list_is_long_enough() -> None:
    assert len({popular.name_of(pin) for pin in PINS}) == len(PINS) >= 60


@pytest.mark.parametrize("name", [popular.name_of(pin) for pin in PINS])
def test_wheel_is_installed_as_by_uv(name: str, wheels: dict[str, Path], tmp_path: Path) -> None:
    compare(tmp_path, wheels[name])


def test_namespace_of_several_wheels(wheels: dict[str, Path], tmp_path: Path) -> None:
    compare(tmp_path, *(wheels[name] for name in NAMESPACES))
