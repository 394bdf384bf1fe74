"""`paddlewheel build`: what the verbs are asked for, and what is said."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from paddlewheel.cli.summary import layers
from paddlewheel.image.model import Platform
from paddlewheel.verbs import LayerReport, Overrides
from tests.cli.fakes import Calls, command
from tests.cli.values import built, image

ESCAPE = re.compile(r"\x1b\[")


def test_default_output_and_reference(calls: Calls) -> None:
    result = command("build")
    assert result.status == 0, result.err
    assert result.out == f"shop:1.2@{image().digest}\n"
    assert calls.names == ["build", "deliver"]
    assert calls["build"]["project"] == Path()
    assert calls["deliver"]["destination"] == "oci-archive:dist/shop-1.2.oci.tar"


def test_every_output_gets_the_image(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    # No Docker is asked whether it is there.
    monkeypatch.setattr("paddlewheel.cli.build._check_place", lambda output: None)
    result = command("build", "-o", "oci:layout", "--output", "docker-daemon:shop:1.2", "-t", "shop:new")
    assert result.out.startswith("shop:new@sha256:")
    assert [a["destination"] for name, a in calls.made if name == "deliver"] == ["oci:layout", "docker-daemon:shop:1.2"]
    assert calls["build"]["name"] == "shop:new"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("oci-archive:s.tar", "docker-archive:s.tar"),
        ("oci-archive:s.tar:a", "oci-archive:./x/../s.tar:b"),
        ("oci:s.tar", "docker-archive:s.tar"),
        ("docker-archive:s.tar", "oci:s.tar"),
    ],
)
def test_two_outputs_to_one_file(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, one: str, other: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = command("build", "-o", one, "-o", other)
    assert result.status == 2
    assert f"-o {one} and -o {other} are one file" in result.err
    assert "hint:" in result.err
    assert calls.names == []


def test_a_file_by_two_links(calls: Calls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    assert command("build", "-o", "oci-archive:s.tar", "-o", "docker-archive:link/s.tar").status == 2


def test_outputs_that_may_be_beside_each_other(calls: Calls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    result = command(
        "build", "-o", "oci:all:one", "-o", "oci:all:two", "-o", "oci-archive:s.tar", "-o", "docker-archive:t.tar"
    )
    assert result.status == 0, result.err
    assert calls.names.count("deliver") == 4


def test_default_place_of_an_image_for_another_machine(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Platform, "of_this_machine", lambda: Platform("linux", "riscv64"))
    command("build")
    assert calls["deliver"]["destination"] == "oci-archive:dist/shop-1.2-amd64.oci.tar"


def test_default_place_is_in_the_project_whatever_the_tag(calls: Calls) -> None:
    command("build", "services/till", "-t", "registry.example.org:5000/team/till:new")
    assert calls["deliver"]["destination"] == "oci-archive:services/till/dist/till-1.2.oci.tar"


def test_options_become_overrides(calls: Calls) -> None:
    options = (
        "--base distroless:trixie --python 3.13 --lock uv.lock --mirror http://127.0.0.1:1/debian "
        "--platform linux/arm64 --no-bytecode --layers 20 --locked --offline"
    )
    result = command("build", "services/shop", *options.split())
    assert result.status == 0, result.err
    context = calls["build"]["context"]
    assert context.overrides == Overrides(
        base="distroless:trixie",
        python="3.13",
        lock="uv.lock",
        mirror="http://127.0.0.1:1/debian",
        platform="linux/arm64",
        bytecode=False,
        layers=20,
    )
    assert context.client.offline
    assert calls["build"]["locked"]
    assert calls["build"]["project"] == Path("services/shop")


def test_what_is_not_said_overrides_nothing(calls: Calls) -> None:
    command("build")
    assert calls["build"]["context"].overrides == Overrides()
    assert not calls["build"]["context"].client.offline
    assert not calls["build"]["locked"]


def test_bytecode_can_be_asked_for(calls: Calls) -> None:
    command("build", "--bytecode")
    assert calls["build"]["context"].overrides.bytecode is True


def test_json_object(calls: Calls) -> None:
    result = command("build", "--json", "-o", "oci:a", "-o", "oci-archive:b.tar")
    value = json.loads(result.out)
    seconds = value.pop("seconds")
    assert 0 <= seconds < 5
    assert value == {
        "reference": built().reference,
        "digest": image().digest,
        "name": "shop:1.2",
        "platform": "linux/amd64",
        "outputs": ["oci:a", "oci-archive:b.tar"],
        "base": "distroless:bookworm (Python 3.11.2, 36 Debian packages)",
        "packages": 23,
        "start": {
            "entrypoint": ["gunicorn", "shop:app"],
            "cmd": ["--bind", "0.0.0.0:8000"],
            "reason": "gunicorn is locked, and shop.py has a Flask application",
        },
        "layers": [
            {"title": "Debian bookworm", "size": 17_500_000, "unpacked": 51_000_000, "reused": True},
            {"title": "numpy 2.1.0", "size": 15_300_000, "unpacked": 61_000_000, "reused": False},
            {"title": "shop 1.2", "size": 4_200, "unpacked": 20_480, "reused": False},
        ],
        "compressed": 32_804_200,
        "unpacked": 112_020_480,
    }


def test_summary_reads_without_colour(calls: Calls) -> None:
    result = command("build")
    lines = result.err.splitlines()
    assert re.fullmatch(r"  time      \d\.\d\d s", lines.pop())
    assert lines == [
        "shop:1.2  linux/amd64",
        "  base      distroless:bookworm (Python 3.11.2, 36 Debian packages)",
        "  packages  23 Python packages",
        "  layers    3: 2 new (15.3 MB), 1 reused (17.5 MB)",
        "            +  15.3 MB  numpy 2.1.0",
        "            +   4.2 kB  shop 1.2",
        "  size      32.8 MB compressed, 112 MB unpacked",
        "  starts    gunicorn shop:app --bind 0.0.0.0:8000",
        "            gunicorn is locked, and shop.py has a Flask application",
        "  written   dist/shop-1.2.oci.tar",
    ]


def layer(title: str, size: int, reused: bool = False) -> LayerReport:
    return LayerReport(title=title, size=size, unpacked=size, reused=reused)


def test_layers_in_words() -> None:
    assert layers([layer("a", 1, reused=True), layer("b", 2, reused=True)]) == ["2, all reused"]
    many = [layer(f"wheel {number}", 1000 * number) for number in range(1, 9)]
    assert layers([layer("flask 3.1, " * 20, 10_000), *many]) == [
        "9: 9 new (46.0 kB)",
        "+  10.0 kB  flask 3.1, flask 3.1, flask 3.1, flask 3.1, flask 3.1, fl...",
        "+   8.0 kB  wheel 8",
        "+   7.0 kB  wheel 7",
        "+   6.0 kB  wheel 6",
        "+   5.0 kB  wheel 5",
        "+  10.0 kB  in 4 more",
    ]


def test_quiet_leaves_warnings(calls: Calls) -> None:
    def say(context: object) -> None:
        reporter = calls["build"]["context"].reporter
        reporter.note("a note")
        reporter.warn("a warning")

    calls.during_build = say
    assert command("build", "--quiet").err == "warning: a warning\n"
    assert command("build").err.startswith("a note\nwarning: a warning\nshop:1.2  linux/amd64\n")


@pytest.mark.parametrize(
    ("environ", "tty", "coloured"),
    [
        ({}, True, True),
        ({"NO_COLOR": ""}, True, True),
        ({"NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
        ({}, False, False),
    ],
)
def test_colour_only_on_a_terminal(calls: Calls, environ: dict[str, str], tty: bool, coloured: bool) -> None:
    result = command("build", tty=tty, environ=environ)
    assert bool(ESCAPE.search(result.err)) is coloured
    assert not ESCAPE.search(result.out)


@pytest.mark.parametrize(
    ("output", "hint"),
    [
        ("docker-deamon:shop", "did you mean docker-daemon:shop?"),
        ("shop.tar", "did you mean oci-archive:shop.tar?"),
        ("shop", "did you mean docker-daemon:shop?"),
        ("shop:1.2", "did you mean docker-daemon:shop:1.2?"),
        ("oci:", "write oci:DIR"),
        ("floppy:a/b", "the transports are oci:, oci-archive:"),
        (
            "docker://registry.example.org/shop",
            "write oci-archive:FILE, then `skopeo copy oci-archive:FILE docker://...`",
        ),
    ],
)
def test_bad_output_is_found_before_the_build(calls: Calls, output: str, hint: str) -> None:
    result = command("build", "-o", output)
    assert result.status == 2
    assert calls.names == []
    assert output in result.err.splitlines()[0]
    assert f"hint: {hint}" in result.err


@pytest.mark.parametrize(
    "words", [["--layers", "7"], ["--layers", "128"], ["--progress", "fancy"], ["--nope"], ["a", "b"]]
)
def test_bad_options_end_with_2_and_a_hint(calls: Calls, words: list[str]) -> None:
    result = command("build", *words)
    assert result.status == 2
    assert re.fullmatch(r"error: [^\n]+\nhint: `paddlewheel build --help` lists what there is\n", result.err)
    assert calls.names == []


def test_names_of_a_hostile_wheel_cannot_drive_the_terminal(calls: Calls) -> None:
    calls.during_build = lambda context: context.reporter.note("wheel \x1b]0;pwned\x07 read")
    result = command("build", tty=True, environ={"NO_COLOR": "1"})
    assert "\x1b" not in result.err
    assert "wheel \\x1b]0;pwned\\x07 read" in result.err
