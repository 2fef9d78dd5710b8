"""`update NAME`: the same change by a form, or by flags."""

from __future__ import annotations

from bot.errors import Refused
from bot.model import Event
from bot.rules.updates import FieldProblem, Wish, check_event_name, make_patch
from bot.rules.words import Flag
from bot.slack.asking import ask, open_edit_form
from bot.slack.desk import Call, Command, Form, Press, Services, Sheet
from bot.slack.interactions import FormValues
from bot.views.change import asked
from bot.views.events import EDIT
from bot.views.forms import (
    EDIT_FORM,
    REASON,
    STATE,
    TARGET_ID,
    TARGET_NAME,
    TARGET_TYPE,
    TYPES,
    outcome,
    sending,
)

FLAGS = (
    Flag("--state", "enabled|disabled"),
    Flag("--types", "A,B", many=True),
    Flag("--add-type", "T", many=True),
    Flag("--remove-type", "T", many=True),
    Flag("--target-type", "SMN|EG"),
    Flag("--target-id", "ID"),
    Flag("--target-name", "N"),
    Flag("--reason", '"…"'),
)


async def handle(call: Call) -> None:
    """With flags the change is asked for at once; without, the form opens."""
    words = call.words
    name = check_event_name(call.argument("The event's name", COMMAND.usage(call.services.command)))
    scope = call.scope
    wish = Wish(
        state=words.one("--state"),
        types=words.all("--types") if words.has("--types") else None,
        add=words.all("--add-type"),
        remove=words.all("--remove-type"),
        target_type=words.one("--target-type"),
        target_id=words.one("--target-id"),
        target_name=words.one("--target-name"),
    )
    if wish == Wish() and not words.has("--reason"):
        await open_edit_form(call, scope, name)
    else:
        await ask(call, scope, name, wish, words.one("--reason") or "")


async def edit(press: Press) -> None:
    """The Edit button of an event."""
    data = await press.ticket("event")
    await open_edit_form(press, press.services.projects.named(data["project"]), data["name"])


def _wish(values: FormValues) -> Wish:
    texts = values.texts
    return Wish(
        state=texts.get(STATE) or None,
        types=values.choices.get(TYPES),
        target_type=texts.get(TARGET_TYPE) or None,
        target_id=(texts.get(TARGET_ID) or "").strip(),
        target_name=(texts.get(TARGET_NAME) or "").strip(),
    )


async def check(services: Services, key: str, values: FormValues) -> dict[str, str]:
    """Inside the ack: what can be said without asking CSMS, at the field it is about."""
    data = await services.store.tickets.read("form", key)
    if data is None:
        return {STATE: "This form is too old; please close it and run the command again."}
    try:
        make_patch(Event.from_image(data["shown"]), _wish(values))
    except FieldProblem as problem:
        return {problem.field: str(problem).replace("`", "")}
    except Refused as problem:
        return {STATE: str(problem).replace("`", "")}
    return {}


async def submit(sheet: Sheet) -> None:
    """Makes the change request; how it went stands in the form's place."""
    data = await sheet.services.store.tickets.read("form", sheet.key)
    if data is None:
        raise Refused("This form is too old; please run the command again.")
    scope = sheet.services.projects.named(data["project"])
    actor = await sheet.actor()
    change = await sheet.services.changes.ask(
        actor,
        scope,
        data["shown"]["name"],
        _wish(sheet.values),
        reason=(sheet.values.texts.get(REASON) or "").strip(),
        origin=f"inbox:{sheet.origin.id}",
        shown=data["shown"],
    )
    if incident := data.get("incident"):
        await sheet.services.store.incidents.link(incident, change)
    await sheet.answer.show_form(sheet.view_id, outcome(asked(change, scope.approval_channel)))


COMMAND = Command(
    name="update",
    summary="change an event: by a form, or at once with flags",
    words="NAME",
    example='update prod-db-password --add-type SECRET_ROTATED_FAILED --reason "we missed one"',
    flags=FLAGS,
    handle=handle,
    buttons={EDIT: edit},
    forms={EDIT_FORM: Form(submit, check, sending)},
)
