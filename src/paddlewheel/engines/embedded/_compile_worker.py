"""Byte-compile modules that come on standard input; write the .pyc files to standard output.

Runs inside the image's own Python, which need not have paddlewheel nor a complete standard library: it imports
built-in and frozen modules only. What a process has compiled before shows in what it marshals after (an object that
is referred to elsewhere gets a flag), so each batch has a fresh process, and with the argument ``each`` each module
has a fork of its own: then the result depends on nothing but the module.

Input: for each module two lengths of four bytes, big endian, then the path that tracebacks shall show and the
source. Output: for each module a length and the .pyc; 0 where the source does not compile.
"""

import _imp
import posix
import sys

external = __import__("_frozen_importlib_external")
if sys.version_info >= (3, 14):
    magic = _imp.pyc_magic_number_token
else:
    magic = external._RAW_MAGIC_NUMBER


def compile_one(path: str, source: bytes) -> bytes:
    """The .pyc of a module, or nothing."""
    try:
        code = compile(source, path, "exec", dont_inherit=True, optimize=0)
    except Exception:
        # Templates, and tests for other versions, are no Python of this one.
        return b""
    # "unchecked-hash": valid whatever the file's time is, and never looked up again.
    return bytes(external._code_to_hash_pyc(code, _imp.source_hash(magic, source), False))


def compile_apart(path: str, source: bytes) -> bytes:
    """The same, in a fork."""
    reader, writer = posix.pipe()
    child = posix.fork()
    if child == 0:
        posix.close(reader)
        with open(writer, "wb") as file:  # noqa: PTH123 - pathlib is not frozen
            file.write(compile_one(path, source))
        posix._exit(0)
    posix.close(writer)
    with open(reader, "rb") as file:  # noqa: PTH123
        pyc = file.read()
    posix.waitpid(child, 0)
    return pyc


def main(each: bool) -> None:
    """Read all, compile in the order given, write all."""
    data = sys.stdin.buffer.read()
    out = []
    position = 0
    while position < len(data):
        path_length = int.from_bytes(data[position : position + 4], "big")
        source_length = int.from_bytes(data[position + 4 : position + 8], "big")
        position += 8
        path = data[position : position + path_length].decode()
        position += path_length
        source = data[position : position + source_length]
        position += source_length
        pyc = compile_apart(path, source) if each else compile_one(path, source)
        out.append(len(pyc).to_bytes(4, "big"))
        out.append(pyc)
    sys.stdout.buffer.write(b"".join(out))


main(sys.argv[1:] == ["each"])
