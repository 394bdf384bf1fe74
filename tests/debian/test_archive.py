"""InRelease and package indexes: what is believed, and what is refused."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from paddlewheel.debian.archive import parse_release
from paddlewheel.debian.index import PackageIndex
from paddlewheel.debian.signature import host_keys, shipped_keys, verify_inrelease
from paddlewheel.errors import DebianError, ExpiredError, IntegrityError, NetworkError, SignatureError
from tests.debian.conftest import Site
from tests.support.debs import NOW, deb, public_key, signed

ROOT = deb("root", "1.0-1")


def test_a_signed_archive_is_believed(site: Site) -> None:
    site.archive.add("bookworm", ROOT)
    site.archive.publish("bookworm")
    base = site.resolve("root")
    assert [(p.name, p.version, p.sha256, p.archive) for p in base.packages] == [
        ("root", "1.0-1", ROOT.sha256, "debian")
    ]
    assert base.snapshot == "20260228T120000Z"
    assert any("/by-hash/SHA256/" in path for path in site.server.paths())


@pytest.mark.parametrize("compress", ["xz", "gz", ""])
def test_every_compression_of_the_index_is_read(site: Site, compress: str) -> None:
    site.archive.add("bookworm", ROOT)
    site.archive.publish("bookworm", compress=compress, by_hash=False)
    assert len(site.resolve("root").packages) == 1
    assert not any("/by-hash/" in path for path in site.server.paths())


def test_an_index_that_is_not_kept_by_hash_is_taken_by_name(site: Site) -> None:
    site.archive.add("bookworm", ROOT)
    site.archive.publish("bookworm")
    site.server.fault("*/by-hash/*", status=404)
    assert len(site.resolve("root").packages) == 1


def test_the_highest_version_of_the_three_suites_wins(site: Site) -> None:
    site.archive.add("bookworm", deb("root", "1.0-1"), deb("two", "1.0-1"))
    site.archive.add("bookworm-updates", deb("root", "1.0-1+deb12u1"))
    site.archive.add("bookworm-security", deb("root", "1.0-1+deb12u2"))
    site.archive.publish("bookworm")
    base = site.resolve("root", "two")
    assert [(p.name, p.version, p.archive) for p in base.packages] == [
        ("root", "1.0-1+deb12u2", "debian-security"),
        ("two", "1.0-1", "debian"),
    ]


def test_a_change_after_signing_is_seen(site: Site) -> None:
    site.archive.add("bookworm", ROOT)
    site.archive.publish("bookworm")
    site.archive.publish_dist("bookworm-security", change={"Origin: Test": "Origin: Evil"})
    with pytest.raises(
        SignatureError, match=r"dists/bookworm-security/InRelease: .*claims to be signed by [0-9A-F]{16}"
    ) as caught:
        site.resolve("root")
    assert caught.value.hint is not None
    assert "--mirror" in caught.value.hint
    assert "backtrace" not in str(caught.value)


def test_a_key_that_is_not_trusted_is_refused(site: Site) -> None:
    site.archive.publish("bookworm", user="Somebody else <s@example.org>")
    with pytest.raises(SignatureError, match="claims to be signed by"):
        site.resolve("root")


def test_debians_own_keys_do_not_believe_a_test_archive(site: Site) -> None:
    site.archive.publish("bookworm")
    with pytest.raises(SignatureError):
        site.resolve("root", keys=None)


@pytest.mark.parametrize("data", [b"<html>please log in</html>", b"", b"Origin: Test\nSuite: bookworm\n"])
def test_what_carries_no_signature_is_refused(data: bytes) -> None:
    with pytest.raises(SignatureError, match="carries no signature"):
        verify_inrelease(data, [public_key()], "InRelease")


def test_a_signature_cut_short_is_refused() -> None:
    with pytest.raises(SignatureError):
        verify_inrelease(signed("Date: x\n")[:-120], [public_key()], "InRelease")


def test_only_what_is_signed_is_read() -> None:
    data = b"Evil: before\n" + signed("Suite: x\nDate: y\n") + b"\nEvil: after\n"
    assert verify_inrelease(data, [public_key()], "InRelease") == "Suite: x\nDate: y\n"


def test_an_expired_index_is_refused_unless_allowed(site: Site) -> None:
    site.archive.add("bookworm", ROOT)
    site.archive.publish("bookworm")
    site.archive.publish_dist("bookworm-security", valid_until=NOW - timedelta(hours=1))
    with pytest.raises(ExpiredError, match="bookworm-security/InRelease expired on 2026-03-01 11:00 UTC") as caught:
        site.resolve("root")
    assert "allow-expired" in str(caught.value.hint)
    assert site.resolve("root", allow_expired=True).packages
    assert site.resolve("root", now=NOW - timedelta(hours=2)).packages


def test_an_index_from_the_future_is_refused(site: Site) -> None:
    site.archive.publish("bookworm", date=NOW + timedelta(days=3))
    with pytest.raises(SignatureError, match="in the future"):
        site.resolve("root")


def test_an_index_of_another_suite_is_refused(site: Site) -> None:
    site.archive.add("trixie", ROOT)
    site.archive.publish("trixie")
    dists = site.archive.root / "debian/dists"
    (dists / "trixie").rename(dists / "bookworm")
    site.archive.publish_dist("bookworm-updates")
    site.archive.publish_dist("bookworm-security")
    with pytest.raises(SignatureError, match="signed for 'trixie', not for 'bookworm'"):
        site.resolve("root")


def test_an_index_with_other_bytes_than_signed_is_refused(site: Site) -> None:
    site.archive.add("bookworm", ROOT)
    site.archive.publish("bookworm")
    site.server.fault("*/Packages.xz", corrupt=True)
    site.server.fault("*/by-hash/*", corrupt=True)
    with pytest.raises(IntegrityError):
        site.resolve("root")


def test_a_missing_security_archive_is_an_error(site: Site) -> None:
    site.archive.add("bookworm", ROOT)
    site.archive.publish("bookworm")
    site.server.fault("/debian-security/*", status=404)
    with pytest.raises(NetworkError, match="404"):
        site.resolve("root")


def test_an_architecture_that_the_suite_has_not_is_named(site: Site) -> None:
    site.archive.publish("bookworm")
    with pytest.raises(DebianError, match="no packages of main for vax"):
        site.resolve("root", architecture="vax")


def test_credentials_of_the_mirror_do_not_show(site: Site) -> None:
    site.archive.publish("bookworm", user="Somebody else <s@example.org>")
    site.server.url = site.server.url.replace("http://", "http://ann:secret@")
    with pytest.raises(SignatureError) as caught:
        site.resolve("root")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Suite: x\n", "no field Date"),
        ("Date: Sat, 12 Sep 2026 07:55:41 UTC\n", "no field SHA256"),
        ("Date: yesterday\nSHA256:\n", "'yesterday' is no date"),
        ("Date: Sat, 12 Sep 2026 07:55:41 UTC\nSHA256:\n abc 1 x\n", "not a hash, a size and a path"),
    ],
)
def test_a_malformed_release_is_refused(text: str, said: str) -> None:
    with pytest.raises(DebianError, match=said):
        parse_release(text, "InRelease")


@pytest.mark.parametrize(
    "field",
    [
        {"Filename": "../../etc/passwd"},
        {"Filename": "/etc/passwd"},
        {"Size": "many"},
        {"SHA256": "abc"},
        {"Version": ""},
    ],
)
def test_a_malformed_paragraph_is_refused(field: dict[str, str]) -> None:
    good = {"Package": "a", "Version": "1", "Architecture": "amd64", "Filename": "pool/a.deb", "Size": "1"}
    good["SHA256"] = hashlib.sha256(b"").hexdigest()
    text = "".join(f"{key}: {value}\n" for key, value in (good | field).items())
    with pytest.raises(DebianError, match=r"package .?a"):
        PackageIndex([("debian", text.encode(), "here")]).candidates("a")


def test_debians_keys_are_shipped() -> None:
    from pysequoia import Cert

    users = [str(user) for key in shipped_keys() for cert in Cert.split_bytes(key) for user in cert.user_ids]
    for suite in ("bookworm", "trixie"):
        assert [user for user in users if f"/{suite})" in user and "Archive Automatic" in user]
        assert [user for user in users if f"/{suite})" in user and "Security" in user]
        assert [user for user in users if f"/{suite})" in user and "Stable Release" in user]


def test_removed_keys_of_the_host_are_not_trusted(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("keyrings")
    for name in ("debian-archive-x.gpg", "debian-archive-y.pgp", "debian-archive-removed-keys.gpg", "other.gpg"):
        (folder / name).write_bytes(name.encode())
    assert host_keys(folder) == (b"debian-archive-x.gpg", b"debian-archive-y.pgp")
    assert host_keys(folder / "missing") == ()
