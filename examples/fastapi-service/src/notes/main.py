"""The HTTP side."""

import os
import platform

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, Field

from notes import store

app = FastAPI(title="notes")


class Note(BaseModel):
    text: str = Field(min_length=1, max_length=200)


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok", "python": platform.python_version()}


@app.get("/notes")
def every() -> list[dict[str, int | str]]:
    return store.every()


@app.post("/notes", status_code=201)
def add(note: Note) -> dict[str, int]:
    return {"id": store.add(note.text)}


def serve() -> None:
    """The console script `notes`."""
    host, port = os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "8000"))  # noqa: S104
    uvicorn.run(app, host=host, port=port)
