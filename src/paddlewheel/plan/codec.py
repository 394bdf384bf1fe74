"""The plan as JSON and back. Field names are those of `plan.model`; docs/plan-spec.md says what each means."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any

from paddlewheel.errors import LockFormatError
from paddlewheel.net.urls import without_secrets
from paddlewheel.plan.model import Plan, WheelRef

FORMAT = 1
"""Raised when a plan of an older paddlewheel can no longer be read."""


def to_json(plan: Plan) -> dict[str, Any]:
    """`plan` as JSON values. Fields that are None are left out: omitted and None mean the same.

    URLs of wheels lose user, password and secret queries.
    """
    return {"plan": FORMAT, **_encode(plan)}


def from_json(value: Any) -> Plan:
    """The plan that `to_json` gave. Raise `LockFormatError`, naming the place, for anything else."""
    if not isinstance(value, dict) or value.get("plan") != FORMAT:
        raise LockFormatError(f"no plan of format {FORMAT}", hint="make it with `paddlewheel plan --json`")
    plan: Plan = _decode(Plan, {key: item for key, item in value.items() if key != "plan"}, "plan")
    return plan


def _encode(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        fields = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        encoded = {name: _encode(item) for name, item in fields if item is not None}
        if isinstance(value, WheelRef) and value.url:
            encoded["url"] = without_secrets(value.url)
        return encoded
    if isinstance(value, Mapping):
        return {key: _encode(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    return value


def _decode(kind: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    arguments = typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(typing.cast("type", kind), value, where)
    if origin in (typing.Union, types.UnionType):
        return _decode_union(arguments, value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise LockFormatError(f"{where}: a list was expected")
        kinds = [arguments[0]] * len(value) if arguments[1:] == (...,) else list(arguments)
        if len(kinds) != len(value):
            raise LockFormatError(f"{where}: {len(kinds)} items were expected, there are {len(value)}")
        return tuple(_decode(k, item, f"{where}[{n}]") for n, (k, item) in enumerate(zip(kinds, value, strict=True)))
    if origin in (dict, Mapping):
        if not isinstance(value, dict):
            raise LockFormatError(f"{where}: an object was expected")
        return {key: _decode(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    if origin is typing.Literal:
        if value not in arguments:
            raise LockFormatError(f"{where}: {value!r} is none of {', '.join(map(repr, arguments))}")
        return value
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise LockFormatError(f"{where}: {kind.__name__} was expected, {value!r} was found")
    return value


def _decode_dataclass(kind: type, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise LockFormatError(f"{where}: an object was expected")
    hints = _hints(kind)
    unknown = set(value) - set(hints)
    if unknown:
        raise LockFormatError(f"{where}: unknown field {min(unknown)!r}")
    fields = {name: _decode(hints[name], item, f"{where}.{name}") for name, item in value.items()}
    try:
        return kind(**fields)
    except TypeError as error:
        raise LockFormatError(f"{where}: {error}") from error


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _decode_union(arguments: tuple[Any, ...], value: Any, where: str) -> Any:
    """``X | None``, or one of the steps, which their field `step` tells apart."""
    if value is None and type(None) in arguments:
        return None
    kinds = [kind for kind in arguments if kind is not type(None)]
    if len(kinds) == 1:
        return _decode(kinds[0], value, where)
    name = value.get("step") if isinstance(value, dict) else None
    for kind in kinds:
        if _hints(kind)["step"].__args__[0] == name:
            return _decode(kind, value, where)
    raise LockFormatError(f"{where}: {name!r} is no step")
