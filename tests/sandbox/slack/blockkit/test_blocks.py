"""What Slack takes and refuses, block by block."""

import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from bot.sandbox.slack.blockkit import Surface, check_blocks, complete_blocks, text_length
from tests.sandbox.slack.blockkit.corpus import BAD, BAD_BEYOND_THE_SCHEMA, GOOD, Blocks
from tests.sandbox.slack.support import actions, button, mrkdwn, plain, section

SCHEMA = Path(__file__).parents[4] / "../shared/data/schemas/block-kit.schema.json"


@pytest.mark.parametrize("name", GOOD)
def test_good_blocks_are_taken(name: str) -> None:
    assert check_blocks(GOOD[name], Surface.MESSAGE) == []


@pytest.mark.parametrize("name", BAD)
def test_bad_blocks_are_refused_once_and_with_their_place(name: str) -> None:
    (problem,) = check_blocks(BAD[name], Surface.MESSAGE)
    assert problem.startswith("[ERROR] ")
    assert "[json-pointer:/blocks" in problem


@pytest.mark.parametrize("name", BAD_BEYOND_THE_SCHEMA)
def test_blocks_that_only_slack_knows_to_be_bad_are_refused(name: str) -> None:
    (problem,) = check_blocks(BAD_BEYOND_THE_SCHEMA[name], Surface.MESSAGE)
    assert problem.startswith("[ERROR] ")


def test_the_verdicts_are_those_of_a_schema_made_from_slacks_own_types() -> None:
    if not SCHEMA.exists():
        print("no schema at hand: verdicts are not compared")
        return
    definitions = json.loads(SCHEMA.read_text())
    schema = definitions | {"$ref": "#/definitions/Blocks"}
    judge = jsonschema.Draft7Validator(schema)

    def differ(corpus: dict[str, Blocks], *, valid: bool) -> list[str]:
        return [name for name, blocks in corpus.items() if judge.is_valid(blocks) is not valid]

    assert differ(GOOD, valid=True) == []
    assert differ(BAD, valid=False) == []


def test_every_wrong_place_is_named() -> None:
    blocks = [section(""), actions(button("x" * 76), {"type": "button", "action_id": "b"})]
    assert check_blocks(blocks, Surface.MESSAGE) == [
        "[ERROR] must be more than 0 characters [json-pointer:/blocks/0/text/text]",
        "[ERROR] must be less than 76 characters [json-pointer:/blocks/1/elements/0/text/text]",
        "[ERROR] missing required field: text [json-pointer:/blocks/1/elements/1]",
    ]


@pytest.mark.parametrize(
    "hostile", [None, 3, "x", [3], [None], [[]], [{"type": ["section"]}], [{"type": {}}]]
)
def test_anything_can_be_looked_at(hostile: object) -> None:
    assert check_blocks(hostile, Surface.MESSAGE)


def test_missing_ids_and_text_defaults_are_filled_in_and_given_ones_kept() -> None:
    given = [section(block_id="mine"), actions({"type": "button", "text": plain("Go")}), section()]
    del given[1]["block_id"]
    first, second, third = complete_blocks(given)
    assert first["block_id"] == "mine"
    assert first["text"] == mrkdwn("Hello") | {"verbatim": False}
    assert second["elements"][0]["text"] == plain("Go") | {"emoji": True}
    assert second["elements"][0]["action_id"]
    assert second["block_id"] != third["block_id"]
    assert "block_id" not in given[2]


def test_text_is_counted_wherever_it_is() -> None:
    blocks = [section("12345", fields=[mrkdwn("678")]), actions(button("90"))]
    assert text_length(blocks) == 10
