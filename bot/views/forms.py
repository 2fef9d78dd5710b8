"""The edit form of an event: opened at once as *loading*, then filled, then answered in its own place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.model import EVENT_TYPES, STATES, TARGET_TYPES, Change, Event, Target
from bot.rules.updates import MAX_REASON
from bot.views.blocks import Block, Message, context, plain, section
from bot.views.text import TYPE_WORDS, clean, code, count

EDIT_FORM, REASON_FORM = "event.edit", "change.reason"
STATE, TYPES, TARGET, TARGET_TYPE, TARGET_ID, TARGET_NAME, REASON = (
    "state", "types", "target", "target_type", "target_id", "target_name", "reason",
)  # fmt: skip
"""Block ids of the form's fields, and action ids of their inputs."""
CHECKBOXES, OPTIONS, VALUE = 10, 100, 75
"""Slack: checkboxes have at most 10 options and a select 100, whose values have at most 75 characters."""


def _modal(title: str, blocks: Sequence[Block], **more: Any) -> dict[str, Any]:
    return {
        "type": "modal",
        "title": plain(title, 24),
        "close": plain("Close", 24),
        "blocks": list(blocks),
    } | more


def loading() -> dict[str, Any]:
    """What opens within Slack's three seconds, before anything was read."""
    return _modal("Edit event", [section(":hourglass_flowing_sand: Reading the event from CSMS…")])


def sending() -> dict[str, Any]:
    """Stands in the form's place while the request is made."""
    return _modal("Edit event", [section(":hourglass_flowing_sand: Making the change request…")])


def noting() -> dict[str, Any]:
    """Stands in the reason form's place while it is written down."""
    return _modal("Rejected", [section(":hourglass_flowing_sand: Writing it down…")])


def outcome(message: Message) -> dict[str, Any]:
    """How it went, in the form's place."""
    return _modal("Change request", list(message.blocks) or [section(message.text)])


def reason_form(change: Change) -> dict[str, Any]:
    """Asks who rejected a request why."""
    element = {
        "type": "plain_text_input",
        "multiline": True,
        "max_length": MAX_REASON,
        "placeholder": plain("The requester, the card and the audit log get it.", 150),
    }
    return _modal(
        f"{change.id} is rejected",
        [section(f"You rejected the change of {code(change.event, 64)}."), _input(REASON, "Why?", element)],
        callback_id=REASON_FORM,
        private_metadata=change.key,
        submit=plain("Add the reason", 24),
    )


@dataclass(frozen=True, slots=True)
class EditForm:
    """What the form shows."""

    event: Event
    key: str
    """The ticket that says which event, as it was read."""
    project: str
    known_targets: tuple[Target, ...] = ()
    """Targets that can be chosen: those of other enabled events, and the project's topics."""


def _option(value: str, label: str, small: str = "") -> Block:
    option: Block = {"text": plain(clean(label, 75), 75), "value": value}
    if small:
        option["description"] = plain(small, 75)
    return option


def _input(
    block_id: str, label: str, element: Mapping[str, Any], *, optional: bool = False, hint: str = ""
) -> Block:
    block: Block = {
        "type": "input",
        "block_id": block_id,
        "label": plain(label, 2000),
        "element": {**element, "action_id": block_id},
        "optional": optional,
    }
    if hint:
        block["hint"] = plain(hint, 2000)
    return block


def _chosen(options: Sequence[Block], value: str) -> dict[str, Any]:
    found = [option for option in options if option["value"] == value]
    return {"initial_option": found[0]} if found else {}


def _can_stand(text: str, most: int) -> bool:
    """Whether a field can hold it as it is; what would come back changed is not put there."""
    return text.strip() == text != "" and text.isprintable() and len(text) <= most


def _text_field(most: int, value: str) -> dict[str, Any]:
    field = {"type": "plain_text_input", "max_length": most}
    return field | {"initial_value": value} if _can_stand(value, most) else field


def edit_form(form: EditForm) -> dict[str, Any]:
    """The form, filled with the event as it is."""
    event, target = form.event, form.event.target
    states = [_option(state, state.capitalize()) for state in STATES]
    unknown = [
        name
        for name in dict.fromkeys(event.types or ())
        if name not in EVENT_TYPES and _can_stand(name, VALUE)
    ]
    unknown = unknown[: OPTIONS - len(EVENT_TYPES)]
    types = [_option(name, name, TYPE_WORDS[name]) for name in EVENT_TYPES]
    types += [_option(name, name, "not in CSMS's documentation; kept") for name in unknown]
    chosen = [option for option in types if option["value"] in (event.types or ())]
    kinds = [*TARGET_TYPES, *([target.type] if target and _can_stand(target.type, VALUE) else [])]
    target_types = [_option(kind, kind) for kind in dict.fromkeys(kinds)]
    blocks: list[Block] = [
        section(f"Event *{code(event.name)}* in project {code(form.project)}"),
        _input(STATE, "State", {"type": "static_select", "options": states, **_chosen(states, event.state)}),
        _input(
            TYPES, "Event types",
            {"type": "checkboxes" if len(types) <= CHECKBOXES else "multi_static_select", "options": types,
             **({"initial_options": chosen} if chosen else {})},
            hint="" if event.types is not None else "CSMS did not report the types; what you choose replaces them.",
        ),
        *_chooser(form.known_targets),
        _input(
            TARGET_TYPE, "Target type",
            {"type": "static_select", "options": target_types, **_chosen(target_types, target.type if target else "")},
        ),
        _input(
            TARGET_ID, "Target id", _text_field(256, target.id if target else ""),
            hint="For SMN the topic's URN, for EG the channel's id.",
        ),
        _input(
            TARGET_NAME, "Target name", _text_field(64, target.name if target else ""),
        ),
        _input(
            REASON, "Reason",
            {"type": "plain_text_input", "multiline": True, "max_length": MAX_REASON,
             "placeholder": plain("Why? The approvers and the audit log see it.", 150)},
            optional=True,
        ),
    ]  # fmt: skip
    left_out = len(set(event.types or ())) - len(chosen)
    if left_out:
        blocks.append(
            context(f":warning: {count(left_out, 'type')} cannot be shown here, and would be taken away.")
        )
    return _modal(
        "Edit event",
        blocks,
        callback_id=EDIT_FORM,
        private_metadata=form.key,
        submit=plain("Ask for approval", 24),
    )


def _chooser(known: Sequence[Target]) -> list[Block]:
    """A search among known targets; what is chosen there counts instead of what the three fields below say."""
    if not known:
        return []
    element = {
        "type": "external_select",
        "min_query_length": 0,
        "placeholder": plain("Leave it, or search among known targets", 150),
    }
    hint = "Targets of other enabled events, and SMN topics. Or type one below."
    return [_input(TARGET, "Another target", element, optional=True, hint=hint)]


def target_option(target: Target, key: str) -> Block:
    """A target in the search; `key` stands for it, because its id may be longer than a value can be."""
    return _option(key, f"{target.name} · {target.type}", clean(target.id, 75))


def event_option(name: str, key: str) -> Block:
    """An event in a search."""
    return _option(key, name)
