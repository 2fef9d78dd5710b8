"""From what a person wished to the fewest fields that a PUT must name."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.errors import Refused
from bot.model import EVENT_TYPES, Change, ChangeState, Event, Patch, Target
from bot.rules.updates import (
    FieldProblem,
    Wish,
    check_event_name,
    differences,
    make_patch,
    same_settings,
)

CREATED, EXPIRED, ROTATED, ROTATED_FAILED, DELETED = (
    "SECRET_VERSION_CREATED", "SECRET_VERSION_EXPIRED", "SECRET_ROTATED", "SECRET_ROTATED_FAILED", "SECRET_DELETED",
)  # fmt: skip
NEAR = "SECRET_VERSION_NEAR_EXPIRY"
"""In CSMS's sample of a list, and nowhere in its documentation of the types."""
URN = "urn:smn:eu-west-101:0123456789abcdef0123456789abcdef:oncall"
OTHER = "urn:smn:eu-west-101:0123456789abcdef0123456789abcdef:second-line"
TOPIC = Target("SMN", URN, "oncall")
EVENT = Event("prod-db", "e-1", "ENABLED", (CREATED, NEAR), TOPIC, updated=datetime(2026, 11, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("wish", "patch"),
    [
        pytest.param(Wish(state="disabled"), Patch(state="DISABLED"), id="a state in small letters"),
        pytest.param(
            Wish(state="enabled", add=(DELETED,)),
            Patch(types=(CREATED, NEAR, DELETED)),
            id="a state that is so already is not named",
        ),
        pytest.param(Wish(types=(EXPIRED,)), Patch(types=(EXPIRED,)), id="a whole list"),
        pytest.param(Wish(types=("secret_rotated",)), Patch(types=(ROTATED,)), id="types in small letters"),
        pytest.param(
            Wish(add=(DELETED,)), Patch(types=(CREATED, NEAR, DELETED)), id="an unknown type is kept"
        ),
        pytest.param(
            Wish(types=(NEAR,)), Patch(types=(NEAR,)), id="an unknown type that is there may be named"
        ),
        pytest.param(Wish(remove=(NEAR,)), Patch(types=(CREATED,)), id="an unknown type can be taken away"),
        pytest.param(
            Wish(add=(DELETED, ROTATED), remove=(CREATED,)),
            Patch(types=(NEAR, DELETED, ROTATED)),
            id="added and removed at once",
        ),
        pytest.param(
            Wish(target_id=OTHER),
            Patch(target=Target("SMN", OTHER, "second-line")),
            id="the topic's name ends its URN",
        ),
        pytest.param(
            Wish(target_id=OTHER, target_name="nice"),
            Patch(target=Target("SMN", OTHER, "nice")),
            id="a name of one's own",
        ),
        pytest.param(Wish(target_name="nice"), Patch(target=Target("SMN", URN, "nice")), id="the name alone"),
        pytest.param(
            Wish(target_type="eg", target_id="channel-1", target_name="bus"),
            Patch(target=Target("EG", "channel-1", "bus")),
            id="another type of target",
        ),
        pytest.param(
            Wish(state="DISABLED", types=(DELETED,), target_name="nice"),
            Patch("DISABLED", (DELETED,), Target("SMN", URN, "nice")),
            id="everything at once",
        ),
    ],
)
def test_a_wish_becomes_the_fewest_fields(wish, patch):
    assert make_patch(EVENT, wish) == patch


@pytest.mark.parametrize(
    ("wish", "field", "says"),
    [
        pytest.param(Wish(state="off"), "state", "`off` is not a state", id="no state"),
        pytest.param(Wish(state=""), "state", "is not a state", id="an empty state"),
        pytest.param(Wish(types=()), "types", "at least one type", id="an empty list"),
        pytest.param(Wish(remove=(CREATED, NEAR)), "types", "at least one type", id="nothing is left"),
        pytest.param(Wish(types=(DELETED, DELETED)), "types", "named twice", id="twice"),
        pytest.param(
            Wish(types=(DELETED, DELETED.lower())), "types", "named twice", id="twice, in small letters too"
        ),
        pytest.param(Wish(add=(CREATED,)), "types", "already", id="there already"),
        pytest.param(Wish(add=(DELETED, DELETED)), "types", "named twice", id="added twice"),
        pytest.param(Wish(remove=(DELETED,)), "types", "does not have", id="not there"),
        pytest.param(
            Wish(add=("secret_deleted",), remove=(DELETED,)), "types", "does not have", id="to and fro"
        ),
        pytest.param(Wish(types=(DELETED,), add=(ROTATED,)), "types", "either", id="two ways to say it"),
        pytest.param(
            Wish(types=("SECRET_ROTATE",)), "types", "`SECRET_ROTATED`", id="nearly a type: the nearest"
        ),
        pytest.param(Wish(target_type="KAFKA"), "target_type", "`SMN` or `EG`", id="no type of target"),
        pytest.param(
            Wish(target_type="EG", target_name="bus"), "target_id", "--target-id", id="EG without an id"
        ),
        pytest.param(
            Wish(target_type="EG", target_id=URN, target_name="bus"),
            "target_id",
            "--target-id",
            id="EG with the topic's URN left standing",
        ),
        pytest.param(
            Wish(target_type="EG", target_id="channel-1"),
            "target_name",
            "--target-name",
            id="EG without a name",
        ),
        pytest.param(Wish(target_id=""), "target_id", "missing", id="an empty id"),
        pytest.param(Wish(target_id="a b"), "target_id", "cannot be a target id", id="a space in the id"),
        pytest.param(Wish(target_id="a" * 257), "target_id", "256", id="an id of 257"),
        pytest.param(Wish(target_id="plain"), "target_name", "--target-name", id="an id that names nothing"),
        pytest.param(
            Wish(target_id=f"{URN}s", target_name="a.b"), "target_name", "cannot be a target name", id="a dot"
        ),
        pytest.param(Wish(target_name="a" * 65), "target_name", "64", id="a name of 65"),
        pytest.param(
            Wish(target_name="a\n"), "target_name", "cannot be a target name", id="a line break at its end"
        ),
        pytest.param(
            Wish(target_id="urn:smn:r:p:has.dots"),
            "target_name",
            "--target-name",
            id="a URN whose end is no name",
        ),
    ],
)
def test_what_cannot_be_is_said_at_its_field(wish, field, says):
    with pytest.raises(FieldProblem) as caught:
        make_patch(EVENT, wish)

    assert caught.value.field == field
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "wish",
    [
        Wish(),
        Wish(state="ENABLED"),
        Wish(types=(NEAR, CREATED)),
        Wish(target_type="smn"),
        Wish(target_id=URN, target_name="oncall"),
        Wish("Enabled", (CREATED, NEAR), target_type="SMN", target_id=URN, target_name="oncall"),
    ],
)
def test_nothing_to_change_is_refused(wish):
    with pytest.raises(Refused, match="Nothing to change"):
        make_patch(EVENT, wish)


def test_more_than_twelve_types_are_refused():
    crowded = replace(EVENT, types=tuple(f"SECRET_NEW_{number}" for number in range(12)))

    with pytest.raises(FieldProblem, match="at most 12"):
        make_patch(crowded, Wish(add=(DELETED,)))


def test_types_that_csms_did_not_report_can_only_be_set_whole():
    unreported = replace(EVENT, types=None)

    assert make_patch(unreported, Wish(types=(DELETED,))) == Patch(types=(DELETED,))
    for wish in (Wish(add=(DELETED,)), Wish(remove=(DELETED,))):
        with pytest.raises(FieldProblem, match="did not report the types") as caught:
            make_patch(unreported, wish)
        assert caught.value.field == "types"


def test_types_that_csms_reports_twice_are_asked_for_once():
    doubled = replace(EVENT, types=(CREATED, CREATED))

    assert make_patch(doubled, Wish(add=(DELETED,))).types == (CREATED, DELETED)


@pytest.mark.parametrize(
    "odd",
    [
        Target("SMN", URN, "a.name.with.dots"),
        Target("SMN", "no id / at all", "x" * 80),
        Target("kafka", "id", "name"),
        Target("smn", URN, "oncall"),
        Target("", "", ""),
    ],
)
def test_a_target_that_could_not_be_asked_for_does_not_stand_in_the_way_of_another_field(odd):
    event = replace(EVENT, target=odd)
    as_the_form_sends_it = Wish(
        state="DISABLED", target_type=odd.type, target_id=odd.id, target_name=odd.name
    )

    assert make_patch(event, as_the_form_sends_it) == Patch(state="DISABLED")


def test_an_event_without_a_target_can_be_given_one():
    bare = replace(EVENT, target=None)

    assert make_patch(bare, Wish(target_type="SMN", target_id=URN)).target == TOPIC
    with pytest.raises(FieldProblem, match="not a target type"):
        make_patch(bare, Wish(target_id=URN, target_name="oncall"))


def applied(event: Event, patch: Patch) -> Event:
    """What CSMS does with a PUT: the fields that are named, whole."""
    named = {"state": patch.state, "types": patch.types, "target": patch.target}
    return replace(event, **{name: value for name, value in named.items() if value is not None})


def random_wish(rng: random.Random) -> Wish:
    types = (*EVENT_TYPES, NEAR, *(name.lower() for name in EVENT_TYPES), "SECRET_NOTHING")
    some = tuple(rng.choices(types, k=rng.randrange(4)))
    return Wish(
        state=rng.choice([None, "enabled", "DISABLED", "off"]),
        types=rng.choice([None, None, some]),
        add=rng.choice([(), (), some]),
        remove=rng.choice([(), (), tuple(rng.sample(types, 1))]),
        target_type=rng.choice([None, None, "SMN", "eg", "x"]),
        target_id=rng.choice([None, None, URN, OTHER, "channel-1", "a b"]),
        target_name=rng.choice([None, None, "oncall", "bus", "a.b"]),
    )


def random_event(rng: random.Random) -> Event:
    types = tuple(rng.choices((*EVENT_TYPES, NEAR), k=rng.randrange(6)))
    return Event(
        "prod-db",
        "e-1",
        rng.choice(["ENABLED", "DISABLED", "", "FROZEN"]),
        rng.choice([None, types, types]),
        rng.choice([None, TOPIC, TOPIC, Target("EG", "channel-1", "bus"), Target("SMN", "odd id", "o.d.d")]),
        updated=datetime(2026, 11, 1, tzinfo=UTC),
    )


def test_what_is_written_is_always_exactly_what_was_shown():
    rng = random.Random(20261123)
    made = refused = 0
    for _ in range(10_000):
        event, wish = random_event(rng), random_wish(rng)
        try:
            patch = make_patch(event, wish)
        except Refused:
            refused += 1
            continue
        made += 1
        change = Change(
            1, "k", "p", event.name, event.image(), patch, "U1", "", ChangeState.PENDING, 1,
            datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC),
        )  # fmt: skip
        written = applied(event, patch)

        assert written.settings() == change.after, (event, wish)
        assert same_settings(written, change.after)
        assert not same_settings(event, change.after) or event.types is None
        shown = differences(event.settings(), change.after)
        assert shown, (event, wish)
        named = {one.name.split()[0] for one in shown}
        assert named == {
            name
            for name, value in (("State", patch.state), ("Types", patch.types), ("Target", patch.target))
            if value is not None
        }
    assert min(made, refused) > 500


def test_differences_are_listed_in_the_order_people_read():
    before = EVENT.settings()
    after = replace(
        EVENT, state="DISABLED", types=(NEAR, DELETED), target=Target("EG", "c", "bus")
    ).settings()

    found = differences(before, after)

    assert [one.name for one in found] == ["State", "Types", "Target type", "Target id", "Target name"]
    assert (found[0].before, found[0].after) == ("ENABLED", "DISABLED")
    assert (found[1].added, found[1].removed) == ((DELETED,), (CREATED,))
    assert (found[3].before, found[3].after) == (URN, "c")


def test_what_was_not_there_is_named_as_such_in_a_difference():
    bare = Event("x").settings()
    full = EVENT.settings()

    words = {one.name: one.before for one in differences(bare, full)}

    assert words == {
        "State": "unknown", "Types": "not reported", "Target type": "none", "Target id": "none", "Target name": "none",
    }  # fmt: skip
    assert [one.before for one in differences(full | {"types": []}, full)] == ["none"]
    assert [one.after for one in differences(full, full | {"types": []})] == ["none"]
    assert [one.after for one in differences(full, full | {"types": ["B", "A"]})] == ["B, A"]
    assert differences(full, full) == []


def test_types_that_were_not_reported_contradict_nothing():
    wanted = replace(EVENT, state="DISABLED").settings()

    assert same_settings(replace(EVENT, state="DISABLED", types=None), wanted)
    assert not same_settings(replace(EVENT, types=None), wanted)
    assert not same_settings(replace(EVENT, state="DISABLED", types=()), wanted)
    assert same_settings(replace(EVENT, state="DISABLED", types=(NEAR, CREATED)), wanted), (
        "order counts for nothing"
    )


@pytest.mark.parametrize("name", ["a", "prod-db_2", "x" * 64])
def test_a_good_event_name_is_let_through(name):
    assert check_event_name(name) == name


@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 65, "é", "a\n", "../events", "<!channel>", "a.b"])
def test_a_name_that_no_event_can_have_is_refused_before_csms_is_asked(name):
    with pytest.raises(Refused, match="name"):
        check_event_name(name)
