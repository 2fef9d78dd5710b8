"""Seeds from files, and the demo's own."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.csms import CsmsWorld, demo_seed, load_seed
from tests.sandbox.csms.tools import NOW, Clock

SMALL: dict[str, Any] = {"project_id": "p" * 32, "region": "cn-north-4"}


def written(path: Path, seed: Any) -> Path:
    file = path / "seed.json"
    file.write_text(seed if isinstance(seed, str) else json.dumps(seed))
    return file


def test_the_demo_is_what_a_first_look_needs() -> None:
    world = CsmsWorld(demo_seed(), clock=Clock())
    events = world.events()
    assert len(events) == 8
    assert [event.name for event in events if event.state == "DISABLED"] == ["legacy-ftp-password"]
    assert [event.name for event in events if event.notification.target_type == "EG"] == [
        "audit-stream-events"
    ]
    assert re.fullmatch("[0-9a-f]{32}", world.project_id)
    records = world.records()
    assert {record.notification_status for record in records} == {"SUCCESS"}
    assert min(record.create_time for record in records) > (NOW - 8 * 86400) * 1000
    assert max(record.create_time for record in records) < NOW * 1000
    names = {event.name for event in events}
    assert {record.event_name for record in records} <= names
    assert {name for secret in demo_seed().secrets for name in secret.event_subscriptions} == names


def test_a_seed_file_needs_a_project_and_a_region_only(tmp_path: Path) -> None:
    world = CsmsWorld(load_seed(written(tmp_path, SMALL)))
    assert (world.project_id, world.region, world.quotas.events) == ("p" * 32, "cn-north-4", 30)
    assert world.events() == []


def test_times_that_are_not_positive_count_from_the_start(tmp_path: Path) -> None:
    target = {"target_type": "SMN", "target_id": "x", "target_name": "x"}
    past = {"name": "past", "event_types": [], "notification": target, "create_time": -60_000}
    fixed = past | {"name": "fixed", "create_time": 1_600_000_000_000, "update_time": 1_600_000_001_000}
    world = CsmsWorld(load_seed(written(tmp_path, SMALL | {"events": [past, fixed]})), clock=Clock())
    assert [(event.create_time, event.update_time) for event in world.events()] == [
        ((NOW - 60) * 1000, (NOW - 60) * 1000),
        (1_600_000_000_000, 1_600_000_001_000),
    ]


@pytest.mark.parametrize(
    ("seed", "named"),
    [
        ("{", "the file"),
        ([], "the file"),
        ({"region": "r"}, "project_id"),
        (SMALL | {"evnts": []}, "evnts"),
        (SMALL | {"events": [{"name": "x"}]}, "events.0"),
        (SMALL | {"credentials": [{"ak": "a", "sk": 5}]}, "credentials.0.sk"),
    ],
)
def test_a_wrong_seed_is_refused_by_the_name_of_its_wrong_key(tmp_path: Path, seed: Any, named: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"seed.json: {named}")):
        load_seed(written(tmp_path, seed))


def test_a_secret_in_a_wrong_seed_is_not_repeated(tmp_path: Path) -> None:
    wrong = SMALL | {"credentials": [{"ak": "a", "sk": ["hush-hush"]}]}
    with pytest.raises(ValueError, match="sk") as refusal:
        load_seed(written(tmp_path, wrong))
    assert "hush-hush" not in str(refusal.value)
