"""How the bot is, as a message and as its home tab."""

from __future__ import annotations

from dataclasses import replace

from bot.services.status import ProjectReport, Report
from bot.views.blocks import Message
from bot.views.home import home
from bot.views.status import status
from tests.views.gallery import a_change
from tests.views.liveness import ALERTS, APPROVALS, T0, read

PROJECT = ProjectReport("prod", "0123abcd", "https://kms.example", T0, 0, "", 41, False, ALERTS, APPROVALS, 2)
WELL = Report(
    version="1.0", mode="Socket Mode", connected=True, projects=(PROJECT,), open_changes=3,
    backlog={"pending": 1, "sending": 2, "behind": 4, "unknown": 5}, inbox=0, head=(7, "abcdef" + "0" * 58), troubles=(), wrong=(),
)  # fmt: skip


def text_of(message: Message) -> str:
    return "\n".join(read(list(message.blocks)).texts)


def test_a_bot_that_is_well_says_so_in_numbers():
    message = status(WELL, T0)

    text = text_of(message)
    assert ":large_green_circle: all is well" in text
    for shown in (
        "*Version*\n1.0 · Socket Mode",
        "*Slack*\nconnected",
        "*Open change requests*\n3",
        "7 · 5 unknown",
    ):
        assert shown in text
    assert "*Audit log*\n7 rows · head `abcdef000000`" in text
    assert f"*Alerts*\n<#{ALERTS}>" in text
    assert f"*Approvals*\n<#{APPROVALS}> · 2 approvers" in text
    assert "2026-11-23 04:05:06 UTC> · 41 records" in text
    assert message.text == "csms-bot 1.0: all is well"


def test_what_is_wrong_comes_first():
    message = status(
        replace(WELL, connected=False, wrong=("Slack is not connected.", "Nobody may approve.")), T0
    )

    text = text_of(message)
    assert ":warning: 2 problems" in text
    assert "• Slack is not connected.\n• Nobody may approve." in text
    assert "*Slack*\nnot connected" in text
    assert message.text == "csms-bot 1.0: 2 problems: Slack is not connected.; Nobody may approve."


def test_a_project_that_was_never_polled_and_has_no_channel_says_so():
    text = text_of(status(replace(WELL, projects=(replace(PROJECT, last_poll=None, alert_channel=""),)), T0))

    assert "*Last poll*\nunknown" in text
    assert "*Alerts*\n_no channel_" in text


def test_the_home_tab_shows_what_is_open_and_where_alerts_go():
    view = home(WELL, [a_change("prod-db")], "/secrets")

    text = "\n".join(read(view).texts)
    assert "`/secrets help`" in text
    assert "*CR-12*  `prod-db` · :hourglass_flowing_sand: Waiting for approval" in text
    assert f"alerts in <#{ALERTS}>" in text
    assert ":large_green_circle: all is well" in text


def test_the_home_tab_counts_what_it_does_not_list():
    text = "\n".join(read(home(WELL, [a_change("x")] * 13, "/csms")).texts)

    assert text.count("*CR-12*") == 10
    assert "and 3 more: `/csms pending`" in text
    assert "None." in "\n".join(read(home(WELL, [], "/csms")).texts)
