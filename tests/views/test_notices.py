"""`notification_content` in words, or as it came."""

from __future__ import annotations

import json

import pytest

from bot.views.notices import Notice, read_notice

EXPIRED = {
    "eventName": "TestEvent20221112",
    "eventType": "SECRET_VERSION_EXPIRED",
    "eventTime": "2023-04-14T20:25:10.126Z",
    "data": {
        "secretId": "fde3d6ba-cb31-40b0-b6c4-78757050f8c8",
        "secretName": "Secret20230325",
        "createTime": "2023-03-22T20:43:04.000Z",
        "updateTime": "2023-04-14T20:18:29.000Z",
        "versionId": "v18",
        "versionExpireTime": "2023-03-29T17:07:23.000Z",
    },
}
"""The only shape that CSMS documents (notification records page, example response)."""


def test_the_documented_shape_becomes_a_sentence():
    assert read_notice(json.dumps(EXPIRED)) == Notice(
        sentence="Secret Secret20230325: a version expired, version v18, expiry 2023-03-29T17:07:23.000Z, "
        "at 2023-04-14T20:25:10.126Z."
    )


def test_fields_that_are_missing_are_left_out_of_the_sentence():
    small = {"eventType": "SECRET_DELETED", "data": {"secretName": "db"}}

    assert read_notice(json.dumps(small)).sentence == "Secret db: the secret was deleted."


def test_numbers_are_read_as_words():
    odd = {
        "eventType": "SECRET_ROTATED",
        "eventTime": 1681503910126,
        "data": {"secretName": 7, "versionId": 1.5},
    }

    assert (
        read_notice(json.dumps(odd)).sentence
        == "Secret 7: the secret was rotated, version 1.5, at 1681503910126."
    )


@pytest.mark.parametrize("content", ["", " ", "\n\t"])
def test_nothing_is_nothing(content):
    assert read_notice(content) == Notice()


@pytest.mark.parametrize(
    "content",
    [
        "not JSON",
        '{"eventType":',
        json.dumps(EXPIRED)[:255],
        "null",
        "[]",
        "3",
        '"text"',
        "{}",
        "NaN",
        json.dumps(EXPIRED | {"data": None}),
        json.dumps(EXPIRED | {"data": ["secretName"]}),
        json.dumps(EXPIRED | {"eventType": None}),
        json.dumps(EXPIRED | {"eventType": ["SECRET_DELETED"]}),
        json.dumps(EXPIRED | {"eventType": "SECRET_VERSION_NEAR_EXPIRY"}),
        json.dumps(EXPIRED | {"data": {"secretName": {"a": 1}}}),
        json.dumps(EXPIRED | {"data": {"secretName": True}}),
        "[" * 100_000,
        '{"a":' * 100_000,
        "[" * 900 + "]" * 900,
        "1" * 100_000,
        "<!channel>",
        "\ud800",
        "\x00",
    ],
)
def test_what_is_not_understood_comes_as_it_is(content):
    assert read_notice(content) == Notice(raw=content)
