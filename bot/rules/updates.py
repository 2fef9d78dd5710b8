"""What an update changes: from what a person typed or chose to the fewest fields that a PUT must name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.errors import Refused
from bot.model import EVENT_TYPES, STATES, TARGET_TYPES, Event, Patch, Target
from bot.nearest import did_you_mean

EVENT_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
TARGET_ID = re.compile(r"[A-Za-z0-9\-._:]{1,256}")
TARGET_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
MAX_TYPES = 12
MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for, word by word; None is what they did not mention."""

    state: str | None = None
    types: tuple[str, ...] | None = None
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    target_type: str | None = None
    target_id: str | None = None
    target_name: str | None = None


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs. `added` and `removed` are filled for the event types."""

    name: str
    before: str
    after: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class FieldProblem(Refused):
    """A wish that cannot be; `field` says where in the form: state, types, target_type, target_id, target_name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def check_event_name(name: str) -> str:
    """The name, when it can be one. Refused otherwise; nothing has been asked of CSMS then."""
    if not EVENT_NAME.fullmatch(name):
        raise Refused(
            f"`{name[:80]}` cannot be an event's name: it has 1 to 64 letters, digits, `_` and `-`."
            if name
            else "The event's name is missing."
        )
    return name


def make_patch(event: Event, wish: Wish) -> Patch:
    """The fields that change. FieldProblem for what cannot be, Refused when nothing would change."""
    patch = Patch(state=_state(event, wish), types=_types(event, wish), target=_target(event, wish))
    if patch.empty:
        raise Refused(f"Nothing to change: `{event.name}` is already what you asked for.")
    return patch


def _state(event: Event, wish: Wish) -> str | None:
    if wish.state is None:
        return None
    state = wish.state.upper()
    if state not in STATES:
        raise FieldProblem("state", f"`{wish.state[:40]}` is not a state; write `enabled` or `disabled`.")
    return None if state == event.state else state


def _known_type(name: str, event: Event) -> str:
    known = (*EVENT_TYPES, *(event.types or ()))
    if name in known:
        return name
    found = next((one for one in known if one.upper() == name.upper()), None)
    if found is not None:
        return found
    raise FieldProblem("types", f"`{name[:80]}` is not an event type.{did_you_mean(name, known)}")


def _unique(names: tuple[str, ...], event: Event) -> list[str]:
    found: list[str] = []
    for name in names:
        known = _known_type(name, event)
        if known in found:
            raise FieldProblem("types", f"`{known}` is named twice; each event type can be there once.")
        found.append(known)
    return found


def _types(event: Event, wish: Wish) -> tuple[str, ...] | None:
    if wish.types is None and not wish.add and not wish.remove:
        return None
    if wish.types is not None and (wish.add or wish.remove):
        raise FieldProblem(
            "types", "Give either the whole list with `--types`, or `--add-type` and `--remove-type`."
        )
    if wish.types is not None:
        after = _unique(wish.types, event)
    else:
        if event.types is None:
            raise FieldProblem(
                "types",
                f"CSMS did not report the types of `{event.name}`, so none can be added or removed; "
                "give the whole list with `--types`.",
            )
        after = list(dict.fromkeys(event.types))
        for name in _unique(wish.add, event):
            if name in after:
                raise FieldProblem("types", f"`{event.name}` has `{name}` already.")
            after.append(name)
        for name in _unique(wish.remove, event):
            if name not in event.types:
                raise FieldProblem("types", f"`{event.name}` does not have `{name}`.")
            after.remove(name)
    if not after:
        raise FieldProblem("types", "An event needs at least one type; to silence it, disable it.")
    if len(after) > MAX_TYPES:
        raise FieldProblem("types", f"An event can have at most {MAX_TYPES} types.")
    if event.types is not None and set(after) == set(event.types):
        return None
    return tuple(after)


def _target(event: Event, wish: Wish) -> Target | None:
    if wish.target_type is None and wish.target_id is None and wish.target_name is None:
        return None
    now = event.target
    kind = _kind_of(wish, now)
    ident = wish.target_id if wish.target_id is not None else now.id if now else ""
    name = wish.target_name if wish.target_name is not None else _name_of(wish, kind, now)
    if now == Target(kind, ident, name):
        return None  # Also a target that could not be asked for anew: what stands there may stay.
    if kind not in TARGET_TYPES and not (now and kind == now.type):
        raise FieldProblem("target_type", f"`{kind[:40]}` is not a target type; write `SMN` or `EG`.")
    if not TARGET_ID.fullmatch(ident):
        raise FieldProblem(
            "target_id",
            "The target's id is missing (for SMN: the topic's URN)."
            if not ident
            else f"`{ident[:80]}` cannot be a target id: 1 to 256 letters, digits, `-`, `.`, `_` and `:`.",
        )
    if now and kind != now.type and wish.target_id in (None, now.id):
        raise FieldProblem(
            "target_id", f"A target of type {kind} needs its own id; give it with `--target-id`."
        )
    if not TARGET_NAME.fullmatch(name):
        raise FieldProblem(
            "target_name",
            "The target's name is missing; give it with `--target-name`."
            if not name
            else f"`{name[:80]}` cannot be a target name: 1 to 64 letters, digits, `_` and `-`.",
        )
    return Target(kind, ident, name)


def _kind_of(wish: Wish, now: Target | None) -> str:
    """The target's type, in capitals unless CSMS itself writes it otherwise."""
    kind = wish.target_type if wish.target_type is not None else now.type if now else ""
    return now.type if now and kind.upper() == now.type.upper() else kind.upper()


def _name_of(wish: Wish, kind: str, now: Target | None) -> str:
    """The name that goes with a new id: the topic's own, which ends its URN; the old one if the id stays."""
    if wish.target_id is None or (now and wish.target_id == now.id):
        return now.name if now else ""
    last = wish.target_id.rsplit(":", 1)[-1]
    return last if kind == "SMN" and wish.target_id.count(":") >= 3 and TARGET_NAME.fullmatch(last) else ""


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FieldChange]:
    """The settings (as `Event.settings()` gives them) that differ, field by field, in the order people read them."""
    found = []
    if before["state"] != after["state"]:
        found.append(FieldChange("State", before["state"] or "unknown", after["state"] or "unknown"))
    old, new = before["types"], after["types"]
    if old != new:
        had, has = set(old or ()), set(new or ())
        found.append(
            FieldChange(
                "Types",
                "not reported" if old is None else ", ".join(old) or "none",
                "not reported" if new is None else ", ".join(new) or "none",
                added=tuple(sorted(has - had)),
                removed=tuple(sorted(had - has)),
            )
        )
    was, now = before["target"] or {}, after["target"] or {}
    for key, label in (("type", "Target type"), ("id", "Target id"), ("name", "Target name")):
        if was.get(key, "") != now.get(key, ""):
            found.append(FieldChange(label, was.get(key, "") or "none", now.get(key, "") or "none"))
    return found


def same_settings(event: Event, wanted: Mapping[str, Any]) -> bool:
    """True when the event is what was wanted. Types that CSMS did not report cannot contradict."""
    found = event.settings()
    if found["types"] is None:
        return all(found[key] == wanted[key] for key in ("state", "target"))
    return all(found[key] == wanted[key] for key in ("state", "types", "target"))
