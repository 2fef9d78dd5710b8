"""Going back: what to ask for so that an event becomes what it was, and whether that still makes sense."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.errors import Refused
from bot.model import Event
from bot.rules.updates import MAX_REASON, Wish, differences, same_settings

CHANGE_ID = re.compile(r"(?:CR-)?([0-9]{1,9})", re.IGNORECASE)


class MovedOn(Refused):
    """The event is no longer what the change (or whoever wrote to it) left behind; the text says what differs."""


def change_number(given: str) -> int:
    """12, of `CR-12`, `cr-12` or `12`. Refused for anything else."""
    found = CHANGE_ID.fullmatch(given)
    if found is None:
        raise Refused(f"`{given[:40]}` is not a change request; its id looks like `CR-12`.")
    return int(found[1])


def wish_back(left: Mapping[str, Any], was: Mapping[str, Any]) -> Wish:
    """What to ask for at an event that is `left` so that it becomes what it `was`, both as `Event.settings()`.

    Refused when an update cannot bring it back: CSMS takes no update to *no target* or to *not reported*.
    """
    state = types = None
    target: dict[str, str] = {}
    if left["state"] != was["state"]:
        if not was["state"]:
            raise Refused("It cannot be taken back: CSMS had not reported the state before.")
        state = was["state"]
    if left["types"] != was["types"]:
        if was["types"] is None:
            raise Refused("It cannot be taken back: CSMS had not reported the event types before.")
        types = tuple(was["types"])
    if left["target"] != was["target"]:
        if was["target"] is None:
            raise Refused(
                "It cannot be taken back: the event had no target before, and CSMS takes none away."
            )
        target = was["target"]
    return Wish(
        state=state,
        types=types,
        target_type=target.get("type"),
        target_id=target.get("id"),
        target_name=target.get("name"),
    )


def still_as_left(event: Event, left: Mapping[str, Any], was: Mapping[str, Any], what: str) -> None:
    """MovedOn, with the differences, when the event is not what `what` (`CR-12`, say) left behind; it `was` before."""
    if same_settings(event, left):
        return
    found = told(left, event)
    if same_settings(event, was):
        raise MovedOn(
            f"`{event.name}` has moved on since {what}: it is what it was before already, so nothing was asked. {found}."
        )
    raise MovedOn(
        f"`{event.name}` has moved on since {what}, so nothing was asked. {found}. Use `update` instead."
    )


def told(before: Mapping[str, Any], event: Event) -> str:
    """What differs between then and now, in one line; empty when nothing does."""
    found = differences(before, event.settings())
    return "; ".join(f"{one.name}: was {one.before}, is {one.after}" for one in found)


def failed(event: Event, before: Mapping[str, Any], what: str) -> Refused:
    """Why a change that failed cannot be undone: nobody knows what of the difference is its doing."""
    found = told(before, event)
    now = f"Since before it: {found}. Use `update` instead" if found else "The event is as it was before it"
    return Refused(f"{what} failed, so there is nothing to undo as a whole. {now}.")


def reason_for(what: str, reason: str) -> str:
    """What stands in the new request's reason: what it takes back, and then the person's own words."""
    whole = f"{what}: {reason}" if reason else f"{what}."
    if len(whole) > MAX_REASON:
        raise Refused(f"The reason is too long: {len(reason)} characters, {MAX_REASON - len(what) - 2} fit.")
    return whole
