"""What a person is told in a direct message is on its way once, however often its delivery is worked on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.slack.answer import Answer
from bot.slack.interactions import Origin
from bot.views.blocks import Message
from bot.views.posts import draw_data
from tests.store.support import NOW, opened

ORIGIN = Origin("7", "U0ENGINEER", "T0", "", "", "", NOW)
NOBODY: Any = None


async def test_a_delivery_that_is_worked_on_again_tells_its_person_once_and_another_one_tells_too(
    tmp_path: Path,
):
    message = Message("Refused, because of `x`.")
    others = [
        replace(ORIGIN, id="8"),
        replace(ORIGIN, user="U0OTHER"),
        replace(ORIGIN, received=NOW + timedelta(days=1)),
    ]
    told: dict[str, int] = {}
    for path in ("first", "second"):
        async with opened(tmp_path / path) as store:
            for origin in (ORIGIN, replace(ORIGIN, again=True), *(others if path == "first" else ())):
                await Answer(NOBODY, origin, store.outbox).tell(message)
            # Different people have lanes of their own; the rest comes one after the other.
            while due := await store.outbox.due(NOW, settle_s=1):
                for job in due:
                    told[job.key] = told.get(job.key, 0) + 1
                    drawn = draw_data(job.kind, job.project, job.data)
                    assert (drawn.text, drawn.body) == (message.text, message.body)
                    assert (job.channel, job.user) in (("", "U0ENGINEER"), ("", "U0OTHER"))
                    await store.outbox.claim(job.key, NOW)
                    await store.outbox.posted(job.key, channel="D0", ts="1.0", rev=job.rev)
            assert len(told) == 4
    assert sorted(told.values()) == [1, 1, 1, 2], (
        "the same delivery has the same key, also in another database"
    )
    assert all(len(key) == 32 for key in told)
