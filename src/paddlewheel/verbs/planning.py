"""The verb `plan`: project and lock to a plan, with the command line's choices and SOURCE_DATE_EPOCH."""

from __future__ import annotations

import os

from paddlewheel.errors import SettingsError
from paddlewheel.lock.model import Lock
from paddlewheel.plan.make import Choices, make_plan
from paddlewheel.plan.model import Plan
from paddlewheel.project.model import Project
from paddlewheel.verbs.values import Overrides


def plan_image(project: Project, lock: Lock, overrides: Overrides) -> Plan:
    """See `verbs.plan`."""
    choices = Choices(bytecode=overrides.bytecode, layers=overrides.layers, epoch=_epoch())
    return make_plan(project, lock, choices)


def _epoch() -> int | None:
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if not text:
        return None
    if not text.isdecimal():
        raise SettingsError(
            f"SOURCE_DATE_EPOCH={text!r} is no number of seconds since 1970", hint="unset it, or mend it"
        )
    return int(text)
