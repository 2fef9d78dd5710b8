"""What a workspace starts from."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from bot.sandbox.slack import SeedError, demo_seed, load_seed


def test_the_demo_seed_survives_a_file(tmp_path: Path) -> None:
    file = tmp_path / "seed.json"
    file.write_text(json.dumps(asdict(demo_seed())))
    assert load_seed(file) == demo_seed()


def test_the_demo_names_nobody_but_roles() -> None:
    people = [user for user in demo_seed().users if not user.is_bot]
    assert {user.name: user.real_name for user in people} == {
        "engineer": "Engineer",
        "approver": "Approver",
        "subscriber": "Subscriber",
        "guest": "Guest",
    }


def test_every_member_and_group_member_of_the_demo_exists() -> None:
    seed = demo_seed()
    known = {user.id for user in seed.users}
    assert {member for channel in seed.channels for member in channel.members} <= known
    assert {member for group in seed.usergroups for member in group.users} <= known


def test_a_misspelt_key_is_named(tmp_path: Path) -> None:
    seed = asdict(demo_seed())
    seed["team"]["nmae"] = seed["team"].pop("name")
    file = tmp_path / "seed.json"
    file.write_text(json.dumps(seed))
    with pytest.raises(SeedError, match=r"seed\.json: team\.n"):
        load_seed(file)


def test_a_wrong_value_is_not_repeated_in_the_error(tmp_path: Path) -> None:
    seed = asdict(demo_seed())
    seed["app"]["bot_token"] = ["hush-hush"]
    file = tmp_path / "seed.json"
    file.write_text(json.dumps(seed))
    with pytest.raises(SeedError) as refused:
        load_seed(file)
    assert "app.bot_token" in str(refused.value)
    assert "hush-hush" not in str(refused.value)


def test_a_file_that_is_not_json_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "seed.json"
    file.write_text("{")
    with pytest.raises(SeedError, match="the file"):
        load_seed(file)
