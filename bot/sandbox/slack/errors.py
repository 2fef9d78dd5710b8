"""What the embedded Slack answers when it refuses: the codes are Slack's own."""

from __future__ import annotations

from typing import Any


class SlackError(Exception):
    """A refusal by its Slack code, answered as `{"ok": false, "error": code, ...}`.

    `messages` become `response_metadata.messages` (Slack names there what is wrong and where, by JSON pointer);
    `fields` are further keys of the answer, such as `needed` and `provided` of `missing_scope`.
    """

    def __init__(self, code: str, *, messages: list[str] | None = None, **fields: Any) -> None:
        super().__init__(code)
        self.code = code
        self.messages = messages or []
        self.fields = fields

    def as_answer(self) -> dict[str, Any]:
        """The JSON body of the refusal."""
        answer: dict[str, Any] = {"ok": False, "error": self.code, **self.fields}
        if self.messages:
            answer["response_metadata"] = {"messages": self.messages}
        return answer


def invalid_arguments(*messages: str) -> SlackError:
    """`invalid_arguments`, each message in Slack's way: `[ERROR] what is wrong`."""
    return SlackError("invalid_arguments", messages=[f"[ERROR] {message}" for message in messages])
