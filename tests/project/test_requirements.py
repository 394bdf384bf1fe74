"""requirements.txt, as pip reads it."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from paddlewheel.errors import LockFormatError
from paddlewheel.project.requirements import Requirements, logical_lines, read
from tests.support.tree import write_tree

A = "sha256:" + "a" * 64
B = "sha256:" + "b" * 64


def parse(tmp_path: Path, text: str | bytes, **others: str) -> Requirements:
    write_tree(tmp_path, {"requirements.txt": text, **others})
    return read(tmp_path / "requirements.txt")


def refused(tmp_path: Path, text: str | bytes, **others: str) -> LockFormatError:
    with pytest.raises(LockFormatError) as caught:
        parse(tmp_path, text, **others)
    return caught.value


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a\n\n# c\nb # d\n", [(1, "a"), (4, "b")]),
        ("a \\\n  b\\\n c\nd", [(1, "a   b c"), (4, "d")]),
        ("a \\\n# comment ends it\nb", [(1, "a"), (3, "b")]),
        ("a#not-a-comment\n", [(1, "a#not-a-comment")]),
        ("a \\", [(1, "a")]),
        ("\\\n\\\na", [(1, "a")]),
        ("a\r\nb\r\n", [(1, "a"), (2, "b")]),
    ],
)
def test_logical_lines(text: str, lines: list[tuple[int, str]]) -> None:
    assert list(logical_lines(text)) == lines


@pytest.mark.parametrize(
    ("text", "normal", "name"),
    [
        ("Flask", "flask", "flask"),
        ("flask [ async , dotenv ] >= 3 , < 4", "flask[async,dotenv]<4,>=3", "flask"),
        ("foo_bar==1.0 ; python_version < '3.12'", 'foo-bar==1.0; python_version < "3.12"', "foo-bar"),
        ("flask (>=2)", "flask>=2", "flask"),
        ("shop @ https://example.org/shop-1.zip", "shop @ https://example.org/shop-1.zip", "shop"),
        ("./wheels/shop-1-py3-none-any.whl", "./wheels/shop-1-py3-none-any.whl", None),
        ("shop-1-py3-none-any.whl", "shop-1-py3-none-any.whl", None),
        ("https://example.org/shop.zip", "https://example.org/shop.zip", None),
        ("git+https://example.org/shop.git@main#egg=shop", "git+https://example.org/shop.git@main#egg=shop", None),
    ],
)
def test_one_requirement(tmp_path: Path, text: str, normal: str, name: str | None) -> None:
    (line,) = parse(tmp_path, text).lines
    assert (line.text, line.name, line.number) == (normal, name, 1)


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("", True),
        ("# nothing\n--require-hashes", True),
        (f"a==1 --hash={A}", True),
        (f"a==1 \\\n    --hash={A} \\\n    --hash {B}", True),
        (f"a===1.0-odd --hash={A}", True),
        (f"a==1; sys_platform == 'linux' --hash={A}", True),
        (f"a @ https://example.org/a.whl#{A.replace(':', '=')}", True),
        (f"https://example.org/a.whl --hash={A}", True),
        (f"./a.whl --hash={A}", True),
        (f"a==1 --config-settings=x=y --hash={A}", True),
        (f"a==1 --hash={A}\nb==2", False),
        (f"a==1.* --hash={A}", False),
        (f"a>=1 --hash={A}", False),
        (f"a==1,!=2 --hash={A}", False),
        (f"a --hash={A}", False),
        ("a==1", False),
        ("a @ https://example.org/a.whl", False),
        ("a @ https://example.org/a.whl#md5=aaaa", False),
        ("-e .", False),
        ("git+https://example.org/a@0123456789", False),
    ],
)
def test_complete_means_pinned_and_hashed(tmp_path: Path, text: str, complete: bool) -> None:
    found = parse(tmp_path, text)
    assert found.complete is complete
    assert bool(found.open_lines) is not complete


def test_includes_count_and_constraints_do_not(tmp_path: Path) -> None:
    found = parse(
        tmp_path,
        f"-r sub/base.txt\n--constraint=limits.txt\nb==2 --hash={B}\n",
        **{"sub/base.txt": f"-r./more.txt\na==1 --hash={A}", "sub/more.txt": "", "limits.txt": "c<3\n-r deep.txt"},
        **{"deep.txt": "d<4"},
    )
    assert [line.name for line in found.lines] == ["a", "b"]
    assert [line.name for line in found.constraints] == ["c", "d"]
    assert [path.name for path in found.files] == ["requirements.txt", "base.txt", "more.txt", "limits.txt", "deep.txt"]
    assert found.complete
    assert [(line.file.name, line.number) for line in found.lines] == [("base.txt", 2), ("requirements.txt", 3)]


def test_a_file_may_be_included_twice(tmp_path: Path) -> None:
    found = parse(tmp_path, "-r a.txt\n-r b.txt", **{"a.txt": "-r c.txt", "b.txt": "-r c.txt", "c.txt": "x"})
    assert [line.name for line in found.lines] == ["x", "x"]


def test_options_are_kept_with_their_long_names(tmp_path: Path) -> None:
    found = parse(
        tmp_path,
        "-i https://user:secret@example.org/simple\n--extra-index-url https://two.example.org\n-f ./wheels\n"
        "--pre\n--no-binary=:all:\n--trusted-host example.org\n",
    )
    assert found.options == (
        ("--index-url", "https://user:secret@example.org/simple"),
        ("--extra-index-url", "https://two.example.org"),
        ("--find-links", "./wheels"),
        ("--pre", ""),
        ("--no-binary", ":all:"),
        ("--trusted-host", "example.org"),
    )
    assert "secret" not in repr(found)


def test_local_and_editable_are_noted(tmp_path: Path) -> None:
    found = parse(tmp_path, "-e .[dev]\n--editable=git+https://example.org/x#egg=x\n../lib\nfile:///opt/x.whl\nx")
    assert [(line.editable, line.local) for line in found.lines] == [
        (True, True),
        (True, False),
        (False, True),
        (False, True),
        (False, False),
    ]


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF8 + "é-x\n".encode(),
        codecs.BOM_UTF16_LE + "é-x\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "é-x\n".encode("utf-16-be"),
        codecs.BOM_UTF32_LE + "é-x\n".encode("utf-32-le"),
        "# -*- coding: latin-1 -*-\né-x\n".encode("latin-1"),
    ],
)
def test_encodings(tmp_path: Path, data: bytes) -> None:
    assert "'é-x' is no requirement" in refused(tmp_path, data).message


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    assert parse(tmp_path, codecs.BOM_UTF8 + b"flask\n").lines[0].name == "flask"
    assert parse(tmp_path, codecs.BOM_UTF16_LE + "flask\n".encode("utf-16-le")).lines[0].name == "flask"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("a\nb ==\n", "requirements.txt:2: 'b ==' is no requirement", None),
        ("flask=3", "requirements.txt:1: 'flask=3' is no requirement", "did you mean flask==3?"),
        ("flask[async] = 3.0; python_version<'4'", "is no requirement", "did you mean flask[async]==3.0; python_v"),
        ("flask=>3", "is no requirement", "as in flask[async]>=3"),
        ("a; python_versoin<'3'", "requirements.txt:1: ", None),
        ("-r gone.txt", "requirements.txt:1: gone.txt does not exist", "gone.txt"),
        ("-r https://u:pw@example.org/r.txt", "https://example.org/r.txt is not on this machine", "download"),
        ("a\n-r requirements.txt", "requirements.txt:2: requirements.txt includes itself", "remove"),
        ("-r", "-r needs a value", None),
        ("--exta-index-url https://example.org", "no such option: --exta-index-url", "--extra-index-url"),
        ("a --hash=md5:abc", "--hash md5:abc: no such hash", "sha256"),
        ("a --hash=sha256:abc", "64 hexadecimal digits", None),
        ("a --pre", "--pre cannot follow a requirement", None),
        ("--pre --no-index", "'--no-index' after --pre", None),
        ('a --config-settings="x', "no closing quotation", None),
        (b"ok\n\xff\n", "requirements.txt:2: not utf-8", "UTF-8"),
        (b"# coding: klingon\na", "unknown encoding 'klingon'", "UTF-8"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, text: str | bytes, message: str, hint: str | None) -> None:
    error = refused(tmp_path, text)
    assert message in error.message
    assert hint is None or hint in (error.hint or "")
    assert "pw" not in error.message


def test_errors_in_includes_name_the_include(tmp_path: Path) -> None:
    assert (
        "sub/b.txt:3: '!' is no requirement" in refused(tmp_path, "-r sub/b.txt", **{"sub/b.txt": "x\n\n!\n"}).message
    )
    error = refused(tmp_path, "-r sub/b.txt", **{"sub/b.txt": "-c ../c.txt", "c.txt": "\n-r requirements.txt"})
    assert error.message.startswith("c.txt:2: requirements.txt includes itself")


def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").mkdir()
    with pytest.raises(LockFormatError, match=r"requirements.txt cannot be read: Is a directory"):
        read(tmp_path / "requirements.txt")


def test_the_normal_form_forgets_layout_and_keeps_meaning(tmp_path: Path) -> None:
    one = parse(
        tmp_path / "1", f"# c\nFlask [async] ==3.0 \\\n  --hash={B} --hash={A}\n\n--pre\n-r x.txt", **{"x.txt": "b"}
    )
    two = parse(tmp_path / "2", f"--pre\nflask[async]==3.0 --hash={A} --hash={B.upper().replace('SHA', 'sha')} # d\nb")
    assert one.normalised() == two.normalised()
    for other in ("flask[async]==3.0\nb\n--pre", f"flask==3.0 --hash={A} --hash={B}\nb\n--pre", "-c x.txt\nb"):
        write_tree(tmp_path / "3", {"x.txt": "a"})
        assert parse(tmp_path / "3", other).normalised() != one.normalised()
