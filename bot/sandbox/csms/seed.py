"""What a world starts with: from a JSON file, or the demo's own."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bot.sandbox.csms.model import Seed

_SEED = TypeAdapter(Seed)


def load_seed(path: Path) -> Seed:
    """The seed in a JSON file, whose keys are the fields of `Seed` (project_id and region are needed).

    OSError when it can't be read, ValueError when it is no seed; the message names the first wrong key, not its value.
    """
    return _parse(path.read_bytes(), path.name)


def demo_seed() -> Seed:
    """The demo's project: eight events, two of them with a broken target, their secrets, some days of history."""
    return _parse(resources.files(__package__).joinpath("demo.json").read_bytes(), "demo.json")


def _parse(text: bytes, name: str) -> Seed:
    try:
        return _SEED.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ValueError(f"{name}: {where}: {first['msg']}") from None
