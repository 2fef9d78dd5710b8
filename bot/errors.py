"""Every error that this program raises on purpose.

    BotError
    ├── Refused                     a person asked for what cannot be done; the text is shown to them
    │   ├── Usage                   the words were wrong; carries a usage line
    │   │   └── NameMissing         an event's name is missing; it can be chosen
    │   └── NotAllowed              the rules say no; always audited
    ├── SettingsError               start-up: one line that names the setting
    ├── CsmsError                   CSMS, IAM or SMN: status, code, message, request id; redacted
    │   ├── CsmsRefused             it said no and will again: 4xx
    │   │   ├── CsmsUnauthorized    401
    │   │   ├── CsmsForbidden       403; names the permission
    │   │   └── CsmsNotFound        404, or CSMS.0005
    │   ├── CsmsDown                trying later may help: 429, 5xx, no answer; `landed` says what is known
    │   └── CsmsGarbled             an answer that is not what the API promises
    ├── SlackError                  Slack's Web API: what it said, and whether the call may have taken effect
    ├── StoreError                  the database is not ours, is newer than we are, or is in use
    ├── StoreFailed                 a transaction did not happen: a full disk, a lock, a guard
    │   └── Unfinished              a change could not be written down; it is carried on later
    ├── CopyFailed                  on the console: a copy of the database could not be made
    └── ArchiveError                on the console: old rows of the audit log stay where they are; why

An error carries data or, where a person is refused, the sentence; `bot/views/errors.py` makes a message of either.
"""

from __future__ import annotations

from enum import StrEnum


class BotError(Exception):
    """The root of the tree."""


class Refused(BotError):
    """A person asked for something that cannot be done. `str(error)` is the sentence they see."""


class Usage(Refused):
    """The words of a command were wrong. `usage` is the line that shows how it goes."""

    def __init__(self, message: str, usage: str = "") -> None:
        super().__init__(message)
        self.usage = usage


class NameMissing(Usage):
    """An event's name is missing; the answer offers the events to choose from, for `verb`."""

    def __init__(self, message: str, usage: str, verb: str) -> None:
        super().__init__(message, usage)
        self.verb = verb


class NotAllowed(Refused):
    """The rules say no. `rule` is a short code for the audit log, the text is for the person."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


class SettingsError(BotError):
    """A setting is missing or wrong. The text is one line, names the setting, and never holds a secret."""


class Landed(StrEnum):
    """What is known of a request that failed."""

    NO = "no"
    UNKNOWN = "unknown"


class CsmsError(BotError):
    """A call to CSMS, IAM or SMN failed. All texts are redacted: no key, token or signature is in them."""

    def __init__(
        self,
        operation: str,
        *,
        status: int = 0,
        code: str = "",
        message: str = "",
        request_id: str = "",
        landed: Landed = Landed.NO,
    ) -> None:
        """`status` 0: there was no HTTP answer. `operation` is CSMS's own name, `UpdateSecretEvent`."""
        parts = [operation, str(status) if status else "no answer", code, message]
        super().__init__(": ".join(part for part in parts if part))
        self.operation = operation
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id
        self.landed = landed


class CsmsRefused(CsmsError):
    """CSMS said no, and the same request will be refused again."""


class CsmsUnauthorized(CsmsRefused):
    """401: wrong or expired credentials, or a clock that is off. Never retried blindly: five lock the key."""


class CsmsForbidden(CsmsRefused):
    """403: the credential lacks a permission; `permission` is its name, `csms:event:update`."""

    def __init__(
        self,
        operation: str,
        *,
        status: int = 403,
        code: str = "",
        message: str = "",
        request_id: str = "",
        landed: Landed = Landed.NO,
        permission: str = "",
    ) -> None:
        super().__init__(
            operation, status=status, code=code, message=message, request_id=request_id, landed=landed
        )
        self.permission = permission


class CsmsNotFound(CsmsRefused):
    """There is no such event (404 of the service, or CSMS.0005)."""


class CsmsDown(CsmsError):
    """Throttled, failing or unreachable. `landed` is UNKNOWN when a write may have taken effect."""


class CsmsGarbled(CsmsError):
    """The answer is not what the API promises: HTML, broken JSON, too large, a redirect."""


class Sent(StrEnum):
    """What is known of a call to Slack that failed."""

    NO = "no"
    """It never reached Slack."""
    REFUSED = "refused"
    """Slack said a definite no."""
    LIMITED = "limited"
    """Slack said later."""
    UNKNOWN = "unknown"
    """The answer was lost, or says too little (`internal_error`, `fatal_error`, 5xx): it may have happened."""


class SlackError(BotError):
    """A Web API call failed. `code` is Slack's error, `channel_not_found`, or what happened to the connection."""

    def __init__(
        self, method: str, *, sent: Sent, code: str, needed: str = "", retry_after_s: float = 0
    ) -> None:
        super().__init__(f"{method}: {code}" + (f" (needs the scope {needed})" if needed else ""))
        self.method = method
        self.sent = sent
        self.code = code
        self.needed = needed
        self.retry_after_s = retry_after_s


class StoreError(BotError):
    """The database cannot be used; the text says why and what to do."""


class StoreFailed(BotError):
    """A transaction was rolled back, so nothing of it happened; the text is SQLite's reason."""


class Unfinished(StoreFailed):
    """A step of a change could not be written to the database; the text says which, and that it is tried again."""


class CopyFailed(BotError):
    """A copy of the database, or the way back from one, was begun and failed; the text says why."""


class ArchiveError(BotError):
    """Old rows of the audit log could not be archived, and stay in the database; the text says why and what to do."""
