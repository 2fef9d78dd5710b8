"""`update NAME`: the same change by a form, or by flags."""

from __future__ import annotations

from dataclasses import replace

from bot.errors import Refused
from bot.model import Event
from bot.rules.updates import FieldProblem, Wish, make_patch
from bot.rules.words import Flag
from bot.slack.asking import BREAK_GLASS, REASON, ask, open_edit_form
from bot.slack.handling import ButtonPress, Command, Form, FormSubmission, Services, SlashCommand
from bot.slack.interactions import FormValues
from bot.views.change import asked
from bot.views.events import EDIT
from bot.views.forms import (
    EDIT_FORM,
    STATE,
    TARGET,
    TARGET_ID,
    TARGET_NAME,
    TARGET_TYPE,
    TYPES,
    outcome,
    sending,
)
from bot.views.forms import REASON as FORM_REASON

FLAGS = (
    Flag("--state", "enabled|disabled"),
    Flag("--types", "A,B", many=True),
    Flag("--add-type", "T", many=True),
    Flag("--remove-type", "T", many=True),
    Flag("--target-type", "SMN|EG"),
    Flag("--target-id", "ID"),
    Flag("--target-name", "N"),
    REASON,
    BREAK_GLASS,
)


async def handle(call: SlashCommand) -> None:
    """With flags the change is asked for at once; without, the form opens."""
    words = call.words
    name = await call.event(COMMAND)
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
    if wish == Wish() and not (words.has(REASON.name) or words.has(BREAK_GLASS.name)):
        await open_edit_form(call, scope, name)
    else:
        await ask(call, scope, name, wish)


async def edit(press: ButtonPress) -> None:
    """The Edit button of an event."""
    data = await press.ticket("event")
    await open_edit_form(press, press.services.projects.named(data["project"]), data["name"])


async def _wish(services: Services, values: FormValues, shown: Event) -> Wish:
    """What the form asks for. A target chosen by search counts instead of the three fields; both are too much."""
    texts = values.texts
    typed = Wish(
        state=texts.get(STATE) or None,
        types=values.choices.get(TYPES),
        target_type=texts.get(TARGET_TYPE) or None,
        target_id=(texts.get(TARGET_ID) or "").strip(),
        target_name=(texts.get(TARGET_NAME) or "").strip(),
    )
    if not texts.get(TARGET):
        return typed
    chosen = await services.store.tickets.read("target", texts[TARGET])
    if chosen is None:
        raise FieldProblem(TARGET, "This target is not known any more; choose it again, or type it below.")
    fields = (typed.target_type, typed.target_id, typed.target_name)
    now = shown.target
    if fields not in (
        (now.type, now.id, now.name) if now else (None, "", ""),
        (chosen["type"], chosen["id"], chosen["name"]),
    ):
        raise FieldProblem(TARGET, "Choose a target here or type one below, not both.")
    return replace(typed, target_type=chosen["type"], target_id=chosen["id"], target_name=chosen["name"])


async def check(services: Services, key: str, values: FormValues) -> dict[str, str]:
    """Inside the ack: what can be said without asking CSMS, at the field it is about."""
    data = await services.store.tickets.read("form", key)
    if data is None:
        return {STATE: "This form is too old; please close it and run the command again."}
    shown = Event.from_image(data["shown"])
    try:
        make_patch(shown, await _wish(services, values, shown))
    except FieldProblem as problem:
        return {problem.field: str(problem).replace("`", "")}
    except Refused as problem:
        return {STATE: str(problem).replace("`", "")}
    return {}


async def submit(sent: FormSubmission) -> None:
    """Makes the change request; how it went stands in the form's place."""
    services = sent.services
    data = await services.store.tickets.read("form", sent.key)
    if data is None:
        raise Refused("This form is too old; please run the command again.")
    scope = services.projects.named(data["project"])
    shown = Event.from_image(data["shown"])
    change = await services.changes.ask(
        await sent.actor(),
        scope,
        shown.name,
        await _wish(services, sent.values, shown),
        reason=(sent.values.texts.get(FORM_REASON) or "").strip(),
        origin=f"inbox:{sent.origin.id}",
        shown=data["shown"],
    )
    if incident := data.get("incident"):
        await sent.services.store.incidents.link(incident, change)
    await sent.answer.show_form(sent.view_id, outcome(asked(change, scope.approval_channel)))


COMMAND = Command(
    name="update",
    summary="change an event: by a form, or at once with flags",
    words="NAME",
    example='update prod-db-password --add-type SECRET_ROTATED_FAILED --reason "we missed one"',
    flags=FLAGS,
    handle=handle,
    buttons={EDIT: edit, "pick.update": edit},
    forms={EDIT_FORM: Form(submit, check, sending)},
)
