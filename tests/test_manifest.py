"""manifest.yml asks Slack for what the bot uses, and for nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from bot.config import Settings
from bot.doctor import SCOPES
from bot.sandbox.slack.seed import demo_seed
from bot.web import SLACK_PATH

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "manifest.yml").read_text(encoding="utf-8")
MANIFEST: dict[str, Any] = yaml.safe_load(TEXT)

SCOPES_OF = {
    "auth.test": set(),
    "apps.connections.open": set(),
    "chat.postMessage": {"chat:write"},
    "chat.update": {"chat:write"},
    "chat.postEphemeral": {"chat:write"},
    "chat.delete": {"chat:write"},
    "conversations.history": {"channels:history", "groups:history", "im:history"},
    "conversations.replies": {"channels:history", "groups:history", "im:history"},
    "conversations.info": {"channels:read", "groups:read"},
    "conversations.open": {"im:write"},
    "users.info": {"users:read"},
    "usergroups.users.list": {"usergroups:read"},
    "views.open": set(),
    "views.update": set(),
    "views.push": set(),
    "views.publish": set(),
    "files.getUploadURLExternal": {"files:write"},
    "files.completeUploadExternal": {"files:write"},
}
"""Every method that the bot may ever call → its bot scopes (Slack: the page of each method).

Of the kinds of conversation that a page lists, only those that the bot meets: it has public and private channels, and
direct messages that it opened itself and so need not ask about (no im:read), and no group messages (no mpim).
apps.connections.open takes the app-level token, whose scope connections:write is no part of a manifest.
"""

WITHOUT_A_METHOD = {"commands"}
"""What a feature needs, and no method: a slash command."""

ALLOWED: dict[str, Any] = {
    "display_information": {"name", "description", "long_description", "background_color"},
    "features": {
        "app_home": {"home_tab_enabled", "messages_tab_enabled", "messages_tab_read_only_enabled"},
        "bot_user": {"display_name", "always_online"},
        "slash_commands": {"command", "description", "usage_hint", "should_escape", "url"},
    },
    "oauth_config": {"scopes": {"bot"}},
    "settings": {
        "event_subscriptions": {"request_url", "bot_events"},
        "interactivity": {"is_enabled", "request_url"},
        "org_deploy_enabled": None,
        "socket_mode_enabled": None,
        "token_rotation_enabled": None,
    },
}
"""The keys that Slack knows and this app has a use for (Slack: app manifest reference)."""


def for_http() -> dict[str, Any]:
    """The manifest after what its own comments say about HTTP mode was done."""
    text = re.sub(r"socket_mode_enabled: true  # HTTP: false", "socket_mode_enabled: false", TEXT)
    return dict(yaml.safe_load(re.sub(r"# HTTP: (\w+: https)", r"\1", text)))


def unknown_keys(found: Any, allowed: Any, where: str = "") -> list[str]:
    """The keys of `found` that `allowed` does not have, as paths."""
    if isinstance(found, list):
        return [key for one in found if isinstance(one, dict) for key in unknown_keys(one, allowed, where)]
    if not isinstance(found, dict):
        return []
    if allowed is None:
        return [where]
    below = allowed if isinstance(allowed, dict) else dict.fromkeys(allowed)
    wrong = [f"{where}{key}" for key in found if key not in below]
    for key in found.keys() & below.keys():
        wrong += unknown_keys(found[key], below[key], f"{where}{key}.")
    return wrong


def test_it_asks_for_the_scopes_of_the_methods_that_may_be_called_and_for_no_more():
    needed = set().union(*SCOPES_OF.values()) | WITHOUT_A_METHOD

    asked = MANIFEST["oauth_config"]["scopes"]["bot"]

    assert sorted(asked) == sorted(needed)
    assert "user" not in MANIFEST["oauth_config"]["scopes"]


def test_doctor_asks_for_the_same_scopes_and_the_embedded_workspace_grants_them():
    asked = set(MANIFEST["oauth_config"]["scopes"]["bot"])

    assert asked == set(SCOPES)
    assert asked <= set(demo_seed().app.scopes)


def test_the_source_calls_only_methods_whose_scopes_are_known():
    called = set()
    for path in [
        *(ROOT / "bot").glob("*.py"),
        *(ROOT / "bot/slack").glob("*.py"),
        *(ROOT / "commands").glob("*.py"),
    ]:
        called |= set(re.findall(r'\.call\(\s*"([\w.]+)"', path.read_text(encoding="utf-8")))

    assert {"chat.postMessage", "conversations.history", "users.info", "views.open"} <= called
    assert called <= set(SCOPES_OF)


def test_every_key_is_one_that_slack_knows():
    assert unknown_keys(MANIFEST, ALLOWED) == []
    assert unknown_keys(for_http(), ALLOWED) == []


def test_the_check_of_keys_finds_a_misspelt_one():
    wrong = yaml.safe_load(TEXT.replace("should_escape", "should_escpae").replace("org_deploy", "org_deplyo"))

    assert sorted(unknown_keys(wrong, ALLOWED)) == [
        "features.slash_commands.should_escpae",
        "settings.org_deplyo_enabled",
    ]


def test_texts_are_within_slacks_limits():
    display = MANIFEST["display_information"]
    command = MANIFEST["features"]["slash_commands"][0]

    assert 1 <= len(display["name"]) <= 35
    assert 1 <= len(display["description"]) <= 140
    assert 175 <= len(display["long_description"]) <= 4000
    assert re.fullmatch(r"#[0-9a-f]{6}", display["background_color"])
    assert command["command"].startswith("/")
    assert len(command["command"]) <= 32
    assert 1 <= len(command["usage_hint"]) <= 1000


def test_the_command_is_the_one_that_the_settings_and_the_embedded_workspace_have():
    command = MANIFEST["features"]["slash_commands"][0]
    sandbox = demo_seed().app.commands[0]

    assert command["command"] == Settings.model_fields["command"].default == sandbox.command
    assert command["description"] == sandbox.description
    assert command["should_escape"] is sandbox.should_escape is True


def test_the_home_tab_and_the_event_that_fills_it_are_both_on():
    assert MANIFEST["features"]["app_home"]["home_tab_enabled"] is True
    assert MANIFEST["settings"]["event_subscriptions"]["bot_events"] == ["app_home_opened"]
    assert MANIFEST["settings"]["interactivity"]["is_enabled"] is True


def test_as_it_stands_it_is_for_socket_mode_and_has_no_address():
    assert MANIFEST["settings"]["socket_mode_enabled"] is True
    assert "https" not in json.dumps(MANIFEST)


def test_what_the_comments_say_about_http_mode_gives_a_manifest_for_http_mode():
    http = for_http()

    assert http["settings"]["socket_mode_enabled"] is False
    addresses = [
        http["features"]["slash_commands"][0]["url"],
        http["settings"]["event_subscriptions"]["request_url"],
        http["settings"]["interactivity"]["request_url"],
    ]
    assert {address.removeprefix("https://bot.example.com") for address in addresses} == {SLACK_PATH}


def test_slacks_own_schema_accepts_it():
    schema = ROOT / "../shared/data/schemas/manifest/schemas/manifest.schema.2.0.0.json"
    if not schema.exists():
        print("Slack's manifest schema is not here; our own rules have to do")
    validator = jsonschema.Draft7Validator(json.loads(schema.read_text()) if schema.exists() else {})

    assert [error.message for error in validator.iter_errors(MANIFEST)] == []
    assert [error.message for error in validator.iter_errors(for_http())] == []
