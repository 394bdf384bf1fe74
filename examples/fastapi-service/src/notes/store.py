"""The notes, in one SQLite file."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files


@contextmanager
def connection() -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(os.environ.get("NOTES_DATABASE", "notes.sqlite"))
    try:
        database.executescript(files("notes").joinpath("schema.sql").read_text())
        with database:
            yield database
    finally:
        database.close()


def add(text: str) -> int:
    with connection() as database:
        number = database.execute("INSERT INTO note (text) VALUES (?)", (text,)).lastrowid
    assert number is not None  # noqa: S101 - SQLite gives one for every INSERT
    return number


def every() -> list[dict[str, int | str]]:
    with connection() as database:
        return [{"id": number, "text": text} for number, text in database.execute("SELECT id, text FROM note")]
