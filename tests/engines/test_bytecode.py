"""Byte-compiling: valid, reproducible, and the same whatever else is compiled beside it."""

from __future__ import annotations

import importlib.util
import marshal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from paddlewheel.engines.embedded import bytecode
from paddlewheel.engines.embedded.bytecode import Compiler, Source, compile_sources, other_compiler, pyc_name

TEXTS = {
    "a.py": b"NAMES = {'x', 'y', 'z'}\ndef f(x=('a', 'b')):\n    return x in {'a', 'b', 'c'}\n",
    "b.py": b"def f(x):\n    return x in {'a', 'b', 'c'}\n",
    "bad.py": b"print 'python 2'\n",
    "latin.py": "# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"),
    "nul.py": b"x = '\0'",
    "empty.py": b"",
}


def sources(*names: str) -> list[Source]:
    return [(name, f"/app/{name}", partial(TEXTS.__getitem__, name)) for name in names]


@pytest.fixture(scope="module")
def compiler() -> Compiler:
    found = other_compiler((sys.version_info[0], sys.version_info[1]))
    assert found is not None
    return found


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def compiled(compiler: Compiler, pool: ThreadPoolExecutor, *names: str, each: bool = False) -> dict[str, bytes]:
    return dict(pair for batch in compile_sources(compiler, sources(*names), pool, each=each) for pair in batch)


def test_what_does_not_compile_is_left_out(compiler: Compiler, executor: ThreadPoolExecutor) -> None:
    assert sorted(compiled(compiler, executor, *TEXTS)) == ["a.py", "b.py", "empty.py", "latin.py"]


def test_a_pyc_is_unchecked_and_shows_the_images_path(compiler: Compiler, executor: ThreadPoolExecutor) -> None:
    pyc = compiled(compiler, executor, "a.py")["a.py"]
    assert pyc[:4] == importlib.util.MAGIC_NUMBER
    assert int.from_bytes(pyc[4:8], "little") == 1
    assert pyc[8:16] == importlib.util.source_hash(TEXTS["a.py"])
    code = marshal.loads(pyc[16:])  # noqa: S302 - made above
    assert code.co_filename == "/app/a.py"


@pytest.mark.parametrize("each", [False, True])
def test_twice_the_same(compiler: Compiler, executor: ThreadPoolExecutor, each: bool) -> None:
    names = tuple(sorted(TEXTS))
    assert compiled(compiler, executor, *names, each=each) == compiled(compiler, executor, *names, each=each)


def test_a_module_apart_does_not_depend_on_the_others(compiler: Compiler, executor: ThreadPoolExecutor) -> None:
    together = compiled(compiler, executor, *sorted(TEXTS), each=True)
    for name, pyc in together.items():
        assert compiled(compiler, executor, name, each=True) == {name: pyc}


def test_batches_do_not_depend_on_the_number_of_threads(compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bytecode, "_BATCH_FILES", 2)
    results = []
    for threads in (1, 2, 4):
        with ThreadPoolExecutor(threads) as pool:
            results.append(compiled(compiler, pool, *sorted(TEXTS)))
    assert results[0] == results[1] == results[2]


def test_no_interpreter_of_a_version_that_does_not_exist() -> None:
    assert other_compiler((3, 99)) is None


@pytest.mark.parametrize(
    ("path", "place"),
    [("a/b.py", "a/__pycache__/b.cpython-311.pyc"), ("b.py", "__pycache__/b.cpython-311.pyc")],
)
def test_where_a_pyc_goes(path: str, place: str) -> None:
    assert pyc_name(path, "cpython-311") == place
