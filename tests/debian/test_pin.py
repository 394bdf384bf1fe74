"""Pinning a base and fetching what was pinned."""

from __future__ import annotations

from datetime import timedelta

import pytest

from paddlewheel.debian.pin import core_roots
from paddlewheel.errors import IntegrityError, NetworkError, OfflineError
from paddlewheel.net import Client
from tests.debian.conftest import Site
from tests.support.debs import NOW, deb


def basic(site: Site) -> None:
    site.archive.add(
        "bookworm",
        deb("python", Depends="libc6"),
        deb("libc6", "2.36-9"),
        deb("libpq5", "15-1", Depends="libc6 (>= 2.30), libldap"),
        deb("libldap", Depends="libc6"),
        deb("libstdc++6", "12-1", Depends="libc6"),
        deb("zlib1gt64", Provides="zlib1g (= 1.2)"),
    )
    site.archive.publish("bookworm")


def test_the_core_is_the_same_in_every_project(site: Site) -> None:
    basic(site)
    plain = site.resolve("python")
    more = site.resolve("python", packages=["libpq5"], libraries=["libstdc++.so.6", "libc.so.6", "libweird.so.1"])
    core = [package for package in more.packages if not package.extra]
    assert core == list(plain.packages)
    assert [package.name for package in more.packages if package.extra] == ["libldap", "libpq5", "libstdc++6"]
    assert more.requested == ("libpq5",)
    assert more.libraries == ("libstdc++.so.6",)
    assert plain.requested == plain.libraries == ()


def test_a_library_by_another_name_stays_in_the_lock(site: Site) -> None:
    basic(site)
    assert site.resolve("python", "zlib1gt64", libraries=["libz.so.1"]).libraries == ()
    base = site.resolve("python", libraries=["libz.so.1"])
    assert base.libraries == ("libz.so.1",)
    assert [package.name for package in base.packages if package.extra] == ["zlib1gt64"]


def test_a_library_that_the_suite_has_not_is_told(site: Site) -> None:
    basic(site)
    base = site.resolve("python", libraries=["libSM.so.6", "libstdc++.so.6"])
    assert (base.libraries, base.missing) == (("libstdc++.so.6",), ("libSM.so.6",))
    assert site.reporter.warnings == [
        "a wheel needs libSM.so.6, which no package of bookworm holds: what uses it there will not load"
    ]


def test_debs_are_fetched_once(site: Site) -> None:
    basic(site)
    base = site.resolve("python")
    places = site.fetch(base)
    assert sorted(places) == ["libc6", "python"]
    assert all(places[package.name].stat().st_size == package.size for package in base.packages)
    site.server.requests.clear()
    assert site.fetch(base) == places
    assert site.server.requests == []
    assert site.reporter.notes == []


def test_a_deb_with_other_bytes_is_refused(site: Site) -> None:
    basic(site)
    base = site.resolve("python")
    site.server.fault("*/libc6_*", corrupt=True)
    with pytest.raises(IntegrityError, match="libc6"):
        site.fetch(base)
    assert not any(path.is_file() for path in (site.cache.root / "artifacts").rglob(base.packages[0].sha256))


def test_a_superseded_deb_comes_from_the_snapshot_service(site: Site) -> None:
    basic(site)
    base = site.resolve("python")
    old = deb("libc6", "2.36-9")
    (site.archive.root / "debian" / old.path).unlink()
    site.archive.store(old, f"snapshot/debian/{base.snapshot}")
    assert sorted(site.fetch(base)) == ["libc6", "python"]
    assert site.reporter.notes == [
        f"libc6 2.36-9 is gone from the mirror; it came from the snapshot of {base.snapshot}"
    ]


def test_a_snapshot_made_after_the_date_is_found(site: Site) -> None:
    basic(site)
    base = site.resolve("python")
    old = deb("libc6", "2.36-9")
    (site.archive.root / "debian" / old.path).unlink()
    site.archive.store(old, f"snapshot/debian/{(NOW - timedelta(hours=12)):%Y%m%dT%H%M%SZ}")
    site.fetch(base)
    assert len(site.reporter.notes) == 1


def test_a_deb_that_is_nowhere_is_named(site: Site) -> None:
    basic(site)
    base = site.resolve("python")
    (site.archive.root / "debian" / deb("libc6", "2.36-9").path).unlink()
    with pytest.raises(NetworkError, match=r"Debian package libc6 2\.36-9 is gone from http.*snapshot") as caught:
        site.fetch(base)
    assert "lock" in str(caught.value.hint)


def test_a_server_in_trouble_is_not_a_superseded_deb(site: Site) -> None:
    basic(site)
    base = site.resolve("python")
    site.server.fault("*/libc6_*", status=500)
    with pytest.raises(NetworkError, match="500"):
        site.fetch(base)
    assert not any(path.startswith("/snapshot") for path in site.server.paths())


def test_offline_says_what_is_missing(site: Site) -> None:
    basic(site)
    base = site.resolve("python")
    site.client = Client(offline=True)
    with pytest.raises(OfflineError, match="Debian package"):
        site.fetch(base)
    with pytest.raises(OfflineError, match="the index of Debian bookworm"):
        site.resolve("python")


def test_locked_versions_stay_where_they_fit(site: Site) -> None:
    basic(site)
    old = site.resolve("python")
    site.archive.add("bookworm-security", deb("libc6", "2.36-10"), deb("python", "1.0-2", Depends="libc6"))
    site.archive.publish("bookworm", date=NOW)
    assert {p.version for p in site.resolve("python").packages} == {"2.36-10", "1.0-2"}
    kept = site.resolve("python", packages=["libpq5"], keep=old)
    assert {p.name: p.version for p in kept.packages} == {
        "libc6": "2.36-9",
        "libldap": "1.0-1",
        "libpq5": "15-1",
        "python": "1.0-1",
    }
    assert [p for p in kept.packages if not p.extra] == list(old.packages)


def test_a_kept_version_that_left_the_index_remembers_its_time(site: Site) -> None:
    basic(site)
    old = site.resolve("python")
    site.archive.packages["bookworm"] = [one for one in site.archive.packages["bookworm"] if one.name != "libc6"]
    site.archive.add("bookworm", deb("libc6", "2.36-10"))
    site.archive.publish("bookworm", date=NOW)
    kept = {p.name: p for p in site.resolve("python", keep=old).packages}
    assert (kept["libc6"].version, kept["libc6"].snapshot) == ("2.36-9", old.snapshot)
    assert kept["python"].snapshot == ""


def test_locked_versions_give_way_where_they_do_not_fit(site: Site) -> None:
    basic(site)
    old = site.resolve("python")
    site.archive.add("bookworm", deb("libnew", Depends="libc6 (>= 2.40)"), deb("libc6", "2.40-1"))
    site.archive.publish("bookworm", date=NOW)
    new = {p.name: p.version for p in site.resolve("python", packages=["libnew"], keep=old).packages}
    assert new["libc6"] == "2.40-1"
    assert any("taken anew" in note for note in site.reporter.notes)


def test_locked_versions_give_way_to_a_library(site: Site) -> None:
    basic(site)
    old = site.resolve("python", libraries=["libSM.so.6"])
    site.archive.add("bookworm", deb("libgomp1", Depends="libc6 (= 2.40-1)"), deb("libc6", "2.40-1"))
    site.archive.publish("bookworm", date=NOW)
    assert site.resolve("python", libraries=["libSM.so.6"], keep=old).packages == old.packages
    new = site.resolve("python", libraries=["libSM.so.6", "libgomp.so.1"], keep=old)
    assert (new.libraries, new.missing) == (("libgomp.so.1",), ("libSM.so.6",))


def test_roots_of_each_suite() -> None:
    assert "python3.11" in core_roots("bookworm")
    assert "python3-distutils" in core_roots("bookworm")
    assert "python3-distutils" not in core_roots("trixie")
    assert "python3.14" in core_roots("forky")
