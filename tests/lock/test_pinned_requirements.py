"""A complete requirements.txt: its hashes are the law, the index only says where the files are."""

from __future__ import annotations

import pytest

from paddlewheel.errors import IntegrityError, LockFormatError, ResolutionError
from paddlewheel.image.model import Platform
from tests.lock.conftest import Starts, Workshop, versions
from tests.support.index import PackageIndex
from tests.support.wheels import make_sdist, make_wheel, sha256


def pin(index: PackageIndex, name: str, version: str, *files: str, marker: str = "") -> str:
    """A line with the hashes of `files`, of all files of the version without."""
    stem = name.replace("-", "_")
    found = files or tuple(sorted(path.name for path in index.folder.glob(f"{stem}-{version}[-.]*")))
    hashes = "".join(f" \\\n    --hash=sha256:{sha256(index.folder / file)}" for file in found)
    return f"{name}=={version}{f' ; {marker}' if marker else ''}{hashes}\n"


def test_lock_is_the_file(shop: Workshop, index: PackageIndex) -> None:
    make_sdist(index.folder, "lib", "1.0")
    shop.write({"requirements.txt": pin(index, "shop-api", "1.0") + pin(index, "lib", "1.0")})
    lock = shop.lock(locked=True)
    assert versions(lock) == {"lib": "1.0", "shop-api": "1.0"}
    assert lock.path == shop.root / "requirements.txt"
    assert lock.requested == {"lib", "shop-api"}
    assert lock.vouched
    assert shop.names() == ["requirements.txt"]
    (lib,) = (package for package in lock.pylock.packages if package.name == "lib")
    assert lib.sdist is not None
    assert lib.wheels is not None
    assert lib.wheels[0].url == index.file_url("lib-1.0-py3-none-any.whl")
    assert lib.wheels[0].size == (index.folder / "lib-1.0-py3-none-any.whl").stat().st_size


def test_second_time_does_not_start_uv(shop: Workshop, index: PackageIndex, starts: Starts) -> None:
    text = pin(index, "shop-api", "1.0") + pin(index, "lib", "1.0")
    shop.write({"requirements.txt": text})
    first = shop.lock()
    before = starts.count()
    assert before == 1
    assert shop.lock() == first
    shop.write({"requirements.txt": "# by hand\n" + text})
    assert shop.lock() == first
    assert starts.count() == before


def test_file_that_is_not_listed_is_dropped(shop: Workshop, index: PackageIndex) -> None:
    wanted = "native-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
    shop.write({"requirements.txt": pin(index, "native", "1.0", wanted)})
    (package,) = shop.lock().pylock.packages
    assert [wheel.filename for wheel in package.wheels or ()] == [wanted]


def test_no_listed_file_is_an_integrity_error(shop: Workshop, index: PackageIndex) -> None:
    text = pin(index, "shop-api", "1.0") + f"lib==1.0 --hash=sha256:{'ab' * 32}\n"
    shop.write({"requirements.txt": text})
    for _ in range(2):
        with pytest.raises(IntegrityError, match=r"none of the files .* for lib 1.0 has a hash") as caught:
            shop.lock()
        assert caught.value.hint
        assert caught.value.exit_status == 40


def test_hash_of_another_version_does_not_count(shop: Workshop, index: PackageIndex) -> None:
    wrong = pin(index, "lib", "1.1").replace("lib==1.1", "lib==1.0")
    shop.write({"requirements.txt": wrong})
    with pytest.raises(IntegrityError, match=r"lib 1.0"):
        shop.lock()


def test_missing_dependency_is_named(shop: Workshop, index: PackageIndex) -> None:
    shop.write({"requirements.txt": pin(index, "shop-api", "1.0")})
    with pytest.raises(LockFormatError, match=r"lacks what its packages need: lib 1.1") as caught:
        shop.lock()
    assert "--generate-hashes" in (caught.value.hint or "")


def test_dependency_of_another_platform_may_be_missing(shop: Workshop, index: PackageIndex) -> None:
    make_wheel(
        index.folder, "term", "1.0", requires=["wintool; sys_platform == 'win32'", "lib; platform_machine == 'aarch64'"]
    )
    shop.write({"requirements.txt": pin(index, "term", "1.0")})
    assert versions(shop.lock()) == {"term": "1.0"}
    with pytest.raises(LockFormatError, match=r"lib 1.1"):
        shop.lock(platform=Platform("linux", "arm64"))


def test_markers_stay(shop: Workshop, index: PackageIndex) -> None:
    line = pin(index, "wintool", "1.0", marker="sys_platform == 'win32'")
    shop.write({"requirements.txt": line + pin(index, "lib", "1.1")})
    lock = shop.lock()
    (wintool,) = (package for package in lock.pylock.packages if package.name == "wintool")
    assert str(wintool.marker) == 'sys_platform == "win32"'


def test_two_versions_by_marker(shop: Workshop, index: PackageIndex) -> None:
    old = pin(index, "lib", "1.0", marker="python_version < '3.12'")
    new = pin(index, "lib", "1.1", marker="python_version >= '3.12'")
    shop.write({"requirements.txt": old + new})
    found = {str(package.version): str(package.marker) for package in shop.lock().pylock.packages}
    assert found.keys() == {"1.0", "1.1"}
    assert "3.12" in found["1.0"]


def test_pins_that_contradict_are_taken_with_a_warning(shop: Workshop, index: PackageIndex) -> None:
    make_wheel(index.folder, "strict", "1.0", requires=["lib<1.1"])
    shop.write({"requirements.txt": pin(index, "strict", "1.0") + pin(index, "lib", "1.1")})
    assert versions(shop.lock()) == {"lib": "1.1", "strict": "1.0"}
    (warning,) = shop.reporter.warnings
    assert "do not fit together" in warning
    assert "lib<1.1" in warning


def test_version_that_the_index_lacks(shop: Workshop, index: PackageIndex) -> None:
    shop.write({"requirements.txt": f"lib==9.0 --hash=sha256:{'ab' * 32}\n"})
    with pytest.raises(ResolutionError, match=r"lib==9.0"):
        shop.lock()


def test_only_sha512_is_not_enough(shop: Workshop, index: PackageIndex) -> None:
    shop.write({"requirements.txt": f"\nlib==1.0 --hash=sha512:{'ab' * 64}\n"})
    with pytest.raises(LockFormatError, match=r"requirements.txt:2: lib has no sha256 hash"):
        shop.lock()


def test_wheel_by_its_address(shop: Workshop, index: PackageIndex) -> None:
    file = index.folder / "lib-1.0-py3-none-any.whl"
    shop.write({"requirements.txt": f"lib @ {index.file_url(file)} --hash=sha256:{sha256(file)}\n"})
    (package,) = shop.lock().pylock.packages
    assert package.archive is not None
    assert package.archive.hashes == {"sha256": sha256(file)}
    shop.write({"requirements.txt": f"lib @ {index.file_url(file)} --hash=sha256:{'ab' * 32}\n"})
    with pytest.raises((IntegrityError, ResolutionError)):
        shop.lock()


def test_empty_file_needs_no_uv(shop: Workshop, starts: Starts) -> None:
    shop.write({"requirements.txt": "# nothing\n"})
    assert versions(shop.lock(locked=True)) == {}
    assert starts.count() == 0
