"""Events of CSMS: what they are, where their notices go, and what an update of one names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

EVENT_TYPES = (
    "SECRET_VERSION_CREATED",
    "SECRET_VERSION_EXPIRED",
    "SECRET_ROTATED",
    "SECRET_ROTATED_FAILED",
    "SECRET_DELETED",
)
"""The event types that CSMS documents (UpdateSecretEvent page, 2026-06). Others are read and kept."""
ENABLED, DISABLED = "ENABLED", "DISABLED"
STATES = (ENABLED, DISABLED)
TARGET_TYPES = ("SMN", "EG")


def canonical_json(value: Any) -> str:
    """One text per value: sorted keys, no spaces, UTF-8 kept. What hashes and comparisons are made of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Target:
    """Where an event's notices go: an SMN topic (id is its URN) or an EG channel."""

    type: str
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Event:
    """A CSMS event as it was read. `types` is None when the answer did not carry them, which is not "none"."""

    name: str
    event_id: str = ""
    state: str = ""
    types: tuple[str, ...] | None = None
    target: Target | None = None
    created: datetime | None = None
    updated: datetime | None = None
    unknown: Mapping[str, Any] = field(default_factory=dict)
    """Fields that the documentation does not know, kept as they came."""

    def image(self) -> dict[str, Any]:
        """Everything that can be compared or stored, as JSON values; the order of types does not count."""
        return {
            "name": self.name,
            "event_id": self.event_id,
            "state": self.state,
            "types": None if self.types is None else sorted(self.types),
            "target": None
            if self.target is None
            else {"type": self.target.type, "id": self.target.id, "name": self.target.name},
            "updated": None if self.updated is None else self.updated.isoformat(),
        }

    @classmethod
    def from_image(cls, image: Mapping[str, Any]) -> Event:
        """The event that `image` was taken of, as far as an image goes."""
        types, target, updated = image["types"], image["target"], image["updated"]
        return cls(
            name=image["name"],
            event_id=image["event_id"],
            state=image["state"],
            types=None if types is None else tuple(types),
            target=None if target is None else Target(**target),
            updated=None if updated is None else datetime.fromisoformat(updated),
        )

    def settings(self) -> dict[str, Any]:
        """The part of the image that an update can change."""
        image = self.image()
        return {key: image[key] for key in ("state", "types", "target")}

    def digest(self) -> str:
        """SHA-256 of the image, in hex: what an approval is bound to."""
        return hashlib.sha256(canonical_json(self.image()).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Patch:
    """The fields that an update names; None leaves a field as it is."""

    state: str | None = None
    types: tuple[str, ...] | None = None
    target: Target | None = None

    @property
    def empty(self) -> bool:
        """True when it names nothing."""
        return self.state is None and self.types is None and self.target is None
