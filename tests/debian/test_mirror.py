"""Which mirror is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from paddlewheel.debian.mirror import (
    DEFAULT,
    DEFAULT_SECURITY,
    Mirrors,
    choose_mirror,
    from_apt,
    read_apt_sources,
    security_sibling,
)
from paddlewheel.errors import SettingsError

SOURCES = "/etc/apt/sources.list"
DEB822 = "/etc/apt/sources.list.d/debian.sources"


def test_the_order() -> None:
    everything = {
        "argument": "https://a.example.org/debian",
        "setting": "https://b.example.org/debian",
        "environ": {"PADDLEWHEEL_MIRROR": "https://c.example.org/debian"},
        "apt": {SOURCES: "deb http://d.example.org/debian bookworm main"},
    }
    nothing: dict[str, object] = {"argument": None, "setting": None, "environ": {}, "apt": {}}
    seen = []
    for name in everything:
        seen.append(choose_mirror(**everything))  # type: ignore[arg-type]
        everything[name] = nothing[name]  # type: ignore[assignment]
    assert [mirrors.debian for mirrors in seen] == [
        f"http{'s' * (n < 3)}://{'abcd'[n]}.example.org/debian" for n in range(4)
    ]
    assert [mirrors.origin for mirrors in seen] == [
        "--mirror",
        "the setting mirror",
        "PADDLEWHEEL_MIRROR",
        "the host's apt sources",
    ]
    assert choose_mirror(**everything) == Mirrors(DEFAULT, DEFAULT_SECURITY, "the default")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "security"),
    [
        ("https://m.example.org/debian", "https://m.example.org/debian-security"),
        ("https://m.example.org/pub/debian", "https://m.example.org/pub/debian-security"),
        (
            "https://m.example.org/archive/debian/20260301T000000Z",
            "https://m.example.org/archive/debian-security/20260301T000000Z",
        ),
        ("https://debian/mirror", "https://debian/mirror-security"),
    ],
)
def test_the_security_archive_is_beside_it(url: str, security: str) -> None:
    assert security_sibling(url) == security


def test_two_urls_name_both() -> None:
    mirrors = choose_mirror(argument="https://a.example.org/d/ https://b.example.org/s/", environ={}, apt={})
    assert (mirrors.url("debian"), mirrors.url("debian-security")) == (
        "https://a.example.org/d",
        "https://b.example.org/s",
    )


@pytest.mark.parametrize(
    "text", ["ftp://x.example.org/debian", "example.org/debian", "https://", "http://a/ http://b/ http://c/"]
)
def test_what_is_no_url_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="PADDLEWHEEL_MIRROR"):
        choose_mirror(environ={"PADDLEWHEEL_MIRROR": text}, apt={})


def test_credentials_are_not_shown() -> None:
    mirrors = choose_mirror(argument="https://ann:secret@m.example.org/debian", environ={}, apt={})
    assert "secret" in mirrors.debian
    assert "secret" not in str(mirrors)
    with pytest.raises(SettingsError) as caught:
        choose_mirror(argument="ftp://ann:secret@m.example.org/debian", environ={}, apt={})
    assert "secret" not in str(caught.value)


def test_deb822_sources() -> None:
    text = """\
# comment
Types: deb deb-src
URIs: http://m.example.org/debian/
Suites: trixie trixie-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://s.example.org/debian-security
Suites: trixie-security
Components: main
"""
    found = from_apt({DEB822: text})
    assert found is not None
    assert (found.debian, found.security) == ("http://m.example.org/debian", "http://s.example.org/debian-security")


def test_one_line_sources() -> None:
    text = """\
# deb http://old.example.org/debian bookworm main
deb-src http://src.example.org/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://m.example.org/pub/debian bookworm main
deb http://m.example.org/pub/debian-security bookworm-security main
"""
    found = from_apt({SOURCES: text})
    assert found is not None
    assert (found.debian, found.security) == (
        "http://m.example.org/pub/debian",
        "http://m.example.org/pub/debian-security",
    )


@pytest.mark.parametrize(
    "text",
    [
        "deb https://docker.example.com/linux/debian bookworm stable",
        "deb https://gitlab.example.com/gitlab/gitlab-ce/debian bookworm main",
        "deb https://apt.example.com/repos/apt bookworm-pgdg main",
        "deb http://archive.example.com/ubuntu noble main",
        "deb https://node.example.com/node_20.x nodistro main",
        "deb file:///srv/debian bookworm main",
        "deb cdrom:[Debian]/debian bookworm main",
        "not a source at all",
    ],
)
def test_other_repositories_do_not_count(text: str) -> None:
    assert from_apt({SOURCES: text}) is None


def test_a_disabled_source_does_not_count() -> None:
    text = "Types: deb\nURIs: http://m.example.org/debian\nSuites: trixie\nComponents: main\nEnabled: no\n"
    assert from_apt({DEB822: text}) is None


def test_a_mirror_list_is_followed() -> None:
    text = "Types: deb\nURIs: mirror+file:///etc/apt/mirrors/debian.list\nSuites: trixie trixie-updates\n"
    text += "Components: main\n"
    found = from_apt(
        {DEB822: text, "/etc/apt/mirrors/debian.list": "# ours\nhttps://m.example.org/debian\tpriority:1\n"}
    )
    assert found is not None
    assert found.debian == "https://m.example.org/debian"


def test_a_mirror_under_a_path_counts_by_its_updates_suite() -> None:
    repository = "https://art.example.com/repo/debian"
    text = f"deb {repository} trixie main\ndeb {repository} trixie-updates main"
    assert from_apt({SOURCES: text.replace("-updates", "")}) is None
    found = from_apt({SOURCES: text})
    assert found is not None
    assert found.security == "https://art.example.com/repo/debian-security"


def test_sources_are_read_from_a_folder(tmp_path: Path) -> None:
    assert read_apt_sources(tmp_path) == {}
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("one")
    (tmp_path / "sources.list.d/x.sources").write_bytes(b"two\xff")
    (tmp_path / "sources.list.d/x.list~").write_text("three")
    assert sorted(Path(path).name for path in read_apt_sources(tmp_path)) == ["sources.list", "x.sources"]
