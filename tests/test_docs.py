"""What the documents say exists, and what exists is in the documents."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import commands
from bot import __version__, config
from bot.cli import cli
from bot.csms import operations
from bot.csms.operations import Operation
from bot.doctor import OPTIONAL
from bot.services.status import ProjectReport, Report
from bot.slack.handling import Command
from bot.web import numbers

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
VERBS = {command.name: command for command in commands.ALL if command.name}


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    table = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert table, heading
    lines = table[0].splitlines()[2:]
    return [
        [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines
    ]


def blocks(text: str, language: str) -> list[str]:
    """The fenced code blocks of a language, without what they are indented by."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", body, flags=re.MULTILINE) for indent, body in found]


def console(group: click.Group, path: str = "csms-bot") -> Iterator[tuple[str, click.Command]]:
    """Every console command that does something, by its full name."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from console(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def anchor(heading: str) -> str:
    """The fragment by which a heading is reached."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_the_table_of_settings_is_the_settings_word_for_word():
    assert rows(README, "Settings") == [
        [f"`{name}`", meaning, default] for name, meaning, default in config.fields()
    ]


def test_no_document_names_a_setting_that_does_not_exist():
    known = {name for name, _, _ in config.fields()} | {config.CONFIG, "CSMS_BOT_"}
    example = set(re.findall(r'_env = "(\w+)"', README))

    for name in (*DOCUMENTS, "manifest.yml", "Dockerfile", "deploy/csms-bot.service"):
        text = (ROOT / name).read_text(encoding="utf-8")
        named = set(re.findall(r"\b(?:CSMS_BOT_|HUAWEICLOUD_SDK_|HW_|SLACK_)\w*", text))
        assert named <= known | example, name


def test_every_setting_of_a_project_is_explained():
    section = README.split("\n## Settings\n")[1].split("\n## ")[0]

    for name in config.ProjectSettings.model_fields:
        assert f"`{name}`" in section


def test_the_example_of_the_environment_is_accepted():
    example = next(block for block in blocks(README, "sh") if "SLACK_BOT_TOKEN" in block)
    env = dict(line.split("=", 1) for line in shlex.split(example))

    assert config.problems_of(env) == []


def test_the_example_of_the_settings_file_is_accepted(tmp_path: Path):
    text = blocks(README, "toml")[0]
    (tmp_path / "bot.toml").write_text(text, encoding="utf-8")
    env = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
    keys = dict.fromkeys(re.findall(r'_env = "(\w+)"', text), "x")

    assert config.problems_of(env, str(tmp_path / "bot.toml")) == []
    projects = config.projects_of(config.load(env, str(tmp_path / "bot.toml")), keys)
    assert [project.name for project in projects] == ["payments", "search"]
    assert tomllib.loads(text)["approvals_required"] == 2


def test_the_table_of_commands_is_the_commands_in_their_order():
    expected = [[f"`{command.usage('/csms')}`", command.summary] for command in VERBS.values()]

    assert rows(README, "Commands in Slack") == expected


def test_no_document_names_a_command_that_does_not_exist():
    for name in DOCUMENTS:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert set(re.findall(r"`/csms ([a-z]+)", text)) <= VERBS.keys(), name


def test_no_document_names_a_flag_that_does_not_exist():
    known = {flag.name for command in VERBS.values() for flag in command.all_flags}
    known |= {option for _, command in console(cli) for param in command.params for option in param.opts}
    known.add("--help")

    for name in ("README.md", "CHANGELOG.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        named = {
            word
            for code in re.findall(r"`([^`\n]+)`", text)
            for word in re.findall(r"(?<!\S)--[a-z-]+", code)
        }
        assert named <= known, name


def test_the_table_of_console_commands_is_complete_and_names_every_option():
    table = {row[0].strip("`"): row[1] for row in rows(README, "On the command line")}
    section = README.split("\n## On the command line\n")[1].split("\n## ")[0]

    assert set(table) == {name for name, _ in console(cli)}
    for name, command in console(cli):
        for param in command.params:
            longest = max(param.opts, key=len)
            assert longest in section, f"{name} {longest}"


def test_no_document_names_a_console_command_that_does_not_exist():
    known = {name for name, _ in console(cli)}
    groups = {" ".join(name.split()[:2]) for name in known}

    for name in DOCUMENTS:
        text = (ROOT / name).read_text(encoding="utf-8")
        for word in re.findall(r"[`/]csms-bot ([a-z][a-z ]*)", text):
            assert " ".join(("csms-bot", *word.split()[:2])) in known | groups, f"{name}: {word}"


def test_the_usage_hint_of_the_manifest_names_only_verbs_that_exist():
    hint = re.search(r"usage_hint: (.*)", (ROOT / "manifest.yml").read_text(encoding="utf-8"))

    assert hint
    assert {part.split()[0] for part in hint[1].split("|")} <= VERBS.keys()


def test_the_table_of_metrics_is_the_metrics():
    project = ProjectReport("p", "i", "e", None, 0, "", 0, False, "C1", "C1", 1)
    report = Report(__version__, "HTTP", True, (project,), 0, {"pending": 1}, 0, (0, ""), (), ())

    assert [row[0].strip("`") for row in rows(README, "Health and metrics")] == [
        metric.name + ("_total" if metric.type == "counter" else "") for metric in numbers(report)
    ]


def test_the_permissions_are_those_that_doctor_tries():
    policy = json.loads(blocks(README, "json")[0])
    needed = {one.permission for one in vars(operations).values() if isinstance(one, Operation)}
    optional = {operation.permission for operation, _, _ in OPTIONAL}

    assert set(policy["Statement"][0]["Action"]) == needed - optional - {""}
    assert {row[0].strip("`") for row in rows(README, "Permissions in Huawei Cloud")} == {
        operation.permission or operation.name for operation, _, _ in OPTIONAL
    }


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_and_picture_leads_somewhere(name: str):
    text = (ROOT / name).read_text(encoding="utf-8")
    anchors = {anchor(heading) for heading in re.findall(r"^#+ (.*)", text, re.MULTILINE)}

    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif not target.startswith("https://"):
            assert (ROOT / target).is_file(), target


def test_every_picture_says_in_words_what_it_shows():
    pictures = re.findall(r"!\[([^\]]*)\]\(", README)

    assert len(pictures) >= 4
    assert all(len(words) > 20 for words in pictures)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_target_of_make_that_is_named_exists(name: str):
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

    named = re.findall(r"(?:`|^)make ([a-z]+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)

    assert set(named) <= set(targets)


def test_every_place_that_the_layout_names_exists():
    for row in rows(CONTRIBUTING, "Layout"):
        for place in re.findall(r"`([\w./]+)`", row[0]):
            assert (ROOT / place).exists(), place


def test_the_command_that_contributing_writes_is_one():
    example, test = blocks(CONTRIBUTING, "python")
    module: dict[str, object] = {"__name__": "commands.types"}
    exec(compile(example, "commands/types.py", "exec"), module)  # noqa: S102 (our own text)

    command = module["COMMAND"]
    assert isinstance(command, Command)
    assert command.usage("/csms") == "/csms types"
    compile(test, "tests/scenarios/test_types.py", "exec")


def test_the_unit_starts_the_bot_and_does_not_repeat_a_wrong_setting():
    unit = (ROOT / "deploy/csms-bot.service").read_text(encoding="utf-8")

    assert re.search(r"^ExecStart=\S+/csms-bot run$", unit, re.MULTILINE)
    assert "RestartPreventExitStatus=2" in unit
    assert "StateDirectory=csms-bot" in unit
    assert "CSMS_BOT_DATABASE=/var/lib/csms-bot/" in unit


def test_the_changelog_begins_with_what_is_not_released_yet():
    headings = re.findall(r"^## \[(.*?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert headings[0] == "Unreleased"
    assert __version__ == "0.1.0"
