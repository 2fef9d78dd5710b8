"""A JSON schema as a function: for hundreds of thousands of payloads, where an interpreter of schemas takes minutes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

Check = Callable[[Any], bool]

_TYPES: dict[str, Check] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}
_WORDS = frozenset(
    ("$schema", "$comment", "description", "definitions", "$ref", "type", "enum", "const", "minLength", "maxLength",
     "properties", "required", "additionalProperties", "items", "maxItems", "allOf", "anyOf")
)  # fmt: skip
"""What is understood; another word is an error and not ignored."""


def compiled(schema: Mapping[str, Any]) -> Check:
    """Whether a value is as `schema` wants it: the part of draft 7 that Block Kit's public types use."""
    definitions = schema.get("definitions", {})
    made: dict[str, Check] = {}

    def named(name: str) -> Check:
        if name not in made:
            made[name] = lambda value: made[name](value)  # A definition may hold itself.
            made[name] = build(definitions[name])
        return made[name]

    def build(part: Mapping[str, Any]) -> Check:
        if unknown := set(part) - _WORDS:
            raise NotImplementedError(f"not understood: {sorted(unknown)}")
        if "$ref" in part:
            return named(_name(part))
        checks = [build(one) for one in part.get("allOf", ())]
        if "type" in part:
            kinds = part["type"] if isinstance(part["type"], list) else [part["type"]]
            checks.append(_one_of([_TYPES[kind] for kind in kinds]))
        if "const" in part or "enum" in part:
            allowed = part.get("enum", [part.get("const")])
            checks.append(
                lambda value: not isinstance(value, dict | list | bool) and value in allowed
            )  # true is not 1
        if "minLength" in part or "maxLength" in part:
            low, high = part.get("minLength", 0), part.get("maxLength", float("inf"))
            checks.append(lambda value: not isinstance(value, str) or low <= len(value) <= high)
        if part.keys() & {"properties", "required", "additionalProperties"}:
            checks.append(_object(part, build))
        if "items" in part or "maxItems" in part:
            each, most = build(part.get("items", {})), part.get("maxItems", float("inf"))
            checks.append(
                lambda value: not isinstance(value, list) or (len(value) <= most and all(map(each, value)))
            )
        if "anyOf" in part:
            checks.append(_any_of(part["anyOf"], build, definitions))
        return _all_of(checks)

    return build(schema)


def _name(part: Mapping[str, Any]) -> str:
    return unquote(str(part.get("$ref", ""))).removeprefix("#/definitions/")


def _all_of(checks: list[Check]) -> Check:
    if len(checks) == 1:
        return checks[0]
    if len(checks) == 2:
        one, other = checks
        return lambda value: one(value) and other(value)
    return lambda value: all(check(value) for check in checks)


def _one_of(checks: list[Check]) -> Check:
    return checks[0] if len(checks) == 1 else lambda value: any(check(value) for check in checks)


def _object(part: Mapping[str, Any], build: Callable[[Mapping[str, Any]], Check]) -> Check:
    known = {name: build(one) for name, one in part.get("properties", {}).items()}
    needed = part.get("required", ())
    more = part.get("additionalProperties", True)
    other = (lambda _value: bool(more)) if isinstance(more, bool) else build(more)

    def check(value: Any) -> bool:
        if not isinstance(value, dict):
            return True
        return all(name in value for name in needed) and all(
            known.get(name, other)(one) for name, one in value.items()
        )

    return check


def _any_of(
    parts: list[Mapping[str, Any]],
    build: Callable[[Mapping[str, Any]], Check],
    definitions: Mapping[str, Any],
) -> Check:
    """Where each kind has a `type` of its own, only the kind that a value claims to be is looked at."""
    by_type: dict[str, list[Check]] = {}
    others: list[Check] = []
    for part in parts:
        target = definitions.get(_name(part), part)
        kind = target.get("properties", {}).get("type", {}).get("const")
        if isinstance(kind, str) and "type" in target.get("required", ()):
            by_type.setdefault(kind, []).append(build(part))
        else:
            others.append(build(part))

    def check(value: Any) -> bool:
        kind = value.get("type") if isinstance(value, dict) else None
        for one in by_type.get(kind, ()) if isinstance(kind, str) else ():
            if one(value):
                return True
        return any(one(value) for one in others) if others else False

    return check
