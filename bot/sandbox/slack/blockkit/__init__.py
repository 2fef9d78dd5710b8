"""Block Kit as Slack checks it."""

from bot.sandbox.slack.blockkit.complete import complete_blocks, text_length
from bot.sandbox.slack.blockkit.surfaces import Surface, check_blocks, check_options, check_view

__all__ = ["Surface", "check_blocks", "check_options", "check_view", "complete_blocks", "text_length"]
