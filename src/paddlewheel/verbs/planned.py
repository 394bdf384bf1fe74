"""The last build's plan, for the builds after it in which nothing but the app's own files has changed.

A plan follows from the project as it is read, the files that state dependencies, and what was asked. While these are
what they were, the locks need not be read again, nor the plan made: of a large lock that takes most of such a build.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from paddlewheel.cache import Cache
from paddlewheel.errors import LockFormatError
from paddlewheel.net.urls import has_secret_query
from paddlewheel.plan.codec import from_json, to_json
from paddlewheel.plan.model import InstallWheels, Plan
from paddlewheel.project.model import Project
from paddlewheel.verbs.unchanged import stated

KIND: Final = "plan"


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and its base in words."""

    plan: Plan
    base: str


def known_plan(cache: Cache, key: str, project: Project) -> Planned | None:
    """What `keep_plan` was given under `key`, if the same would be made now."""
    record = cache.record(KIND, key)
    if record is None or record["project"] != _digest(project):
        return None
    if record["stated"] != stated(project.root.absolute(), record["extra"]).signature:
        return None
    try:
        return Planned(from_json(record["plan"]), record["base"])
    except LockFormatError:
        return None


def keep_plan(cache: Cache, key: str, project: Project, planned: Planned, *, extra: Sequence[str], since: int) -> None:
    """Keep `planned` under `key`, for a build that began at `since` (`time.time_ns`).

    `extra`: absolute paths of files outside of the folder that the lock was made from.
    """
    found = stated(project.root.absolute(), extra)
    if found.is_settled(since) and _is_stated(project, planned.plan):
        record = {
            "project": _digest(project),
            "stated": found.signature,
            "extra": list(extra),
            "plan": to_json(planned.plan),
            "base": planned.base,
        }
        cache.put_record(KIND, key, record)


def _digest(project: Project) -> str:
    """Over all of a project's fields; what its source says about how it starts is among them."""
    return hashlib.sha256(repr(project).encode("utf-8", "surrogateescape")).hexdigest()


def _is_stated(project: Project, plan: Plan) -> bool:
    """Whether the stated files are all that the plan was made from.

    A build back end may take dependencies from anywhere, and a wheel without a URL is built from a folder. Of a URL
    with a secret in it, the plan that is kept would lack what the download needs.
    """
    if project.is_package and not project.lock.complete:
        return False
    steps = [step for stage in plan.stages for step in stage.steps if isinstance(step, InstallWheels)]
    return all(wheel.url and not has_secret_query(wheel.url) for step in steps for wheel in step.wheels)
