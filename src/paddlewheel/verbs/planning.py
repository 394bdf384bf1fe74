"""The verb `plan`: project and lock to a plan, with the command line's choices and SOURCE_DATE_EPOCH."""

from __future__ import annotations

import os
from typing import Final

from paddlewheel.errors import SettingsError
from paddlewheel.lock.model import Lock
from paddlewheel.plan.make import Choices, make_plan
from paddlewheel.plan.model import Plan
from paddlewheel.project.model import Project
from paddlewheel.verbs.values import Overrides

LATEST: Final = 4354819198
"""2107-12-31 23:59:58, the last time that a zip can hold, and with it a wheel. A tar goes further."""


def plan_image(project: Project, lock: Lock, overrides: Overrides) -> Plan:
    """See `verbs.plan`."""
    choices = Choices(bytecode=overrides.bytecode, layers=overrides.layers, epoch=_epoch())
    return make_plan(project, lock, choices)


def _epoch() -> int | None:
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()):
        raise SettingsError(
            f"SOURCE_DATE_EPOCH={text!r} is no number of seconds since 1970", hint="unset it, or mend it"
        )
    # As text first: to read a very long number takes long, and Python refuses it.
    if len(text) > 18 or int(text) > LATEST:
        raise SettingsError(
            f"SOURCE_DATE_EPOCH={text[:40]} is past the year 2107, the last that a wheel's times can name",
            hint="it counts seconds, not milliseconds; unset it, or mend it",
        )
    return int(text)
