"""A command's text into words and flags."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.errors import Usage
from bot.nearest import did_you_mean

# Phones and word processors turn quotes into curly ones and two hyphens into a dash.
_QUOTES = str.maketrans(
    dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"') | dict.fromkeys("\u2018\u2019", "'")
)
_DASHES = "\u2013\u2014"


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag of a command: `--types A,B`. Without a `value` it is a switch."""

    name: str
    value: str = ""
    """How its value is written in the usage line; empty for a switch."""
    many: bool = False
    """Its value is a comma-separated list, and it may be given again."""

    def __str__(self) -> str:
        return f"[{self.name} {self.value}]" if self.value else f"[{self.name}]"


@dataclass(frozen=True, slots=True)
class Words:
    """What was typed after the verb."""

    words: tuple[str, ...] = ()
    flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def one(self, flag: str) -> str | None:
        """The value of a flag that is given at most once."""
        values = self.flags.get(flag)
        return values[0] if values else None

    def all(self, flag: str) -> tuple[str, ...]:
        """The values of a flag that takes many."""
        return self.flags.get(flag, ())

    def has(self, flag: str) -> bool:
        """Whether a switch was given."""
        return flag in self.flags


class Quoted(str):
    """A word that began with a quote: what it says is meant as it stands, so it is never a flag."""

    __slots__ = ()


def as_typed(text: str) -> str:
    """`<@U1|name>` and `<#C1|name>`, which Slack makes of people and channels, as `@name` and `#name`."""
    return re.sub(r"<([@#])[A-Z0-9]+\|([^<>]+)>", r"\1\2", text)


def split(text: str) -> list[str]:
    """Words; a quote at a word's start (or after its `=`) keeps what it encloses together, else it is a letter."""
    text = text.translate(_QUOTES)
    words: list[str] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        word = ""
        quoted = _closing_quote(text, at) > 0
        if text[at] in _DASHES and text[at + 1 : at + 2].isalnum():
            word, at = "--", at + 1
        while at < len(text) and not text[at].isspace():
            end = _closing_quote(text, at) if not word or word.endswith("=") else -1
            if end > 0:
                word += text[at + 1 : end]
                at = end + 1
            else:
                word += text[at]
                at += 1
        words.append(Quoted(word) if quoted else word)
    return words


def _closing_quote(text: str, at: int) -> int:
    """Where the quote that opens at `at` closes, which is before a space or the end; -1 when it does not."""
    if text[at] not in "\"'":
        return -1
    end = text.find(text[at], at + 1)
    while end != -1 and end + 1 < len(text) and not text[end + 1].isspace():
        end = text.find(text[at], end + 1)
    return end


def parse(parts: Sequence[str], flags: Sequence[Flag], usage: str) -> Words:
    """Words and flags; flags without regard to case, `--flag value` or `--flag=value`. Usage for what is not known."""
    known = {flag.name: flag for flag in flags}
    words: list[str] = []
    found: dict[str, tuple[str, ...]] = {}
    left = list(parts)
    while left:
        part = left.pop(0)
        if not _flag_like(part):
            words.append(str(part))
            continue
        name, _, given = part.partition("=")
        flag = known.get(name.lower())
        if flag is None:
            raise Usage(f"There is no flag `{name[:40]}` here.{did_you_mean(name, known)}", usage)
        if not flag.value:
            if given:
                raise Usage(f"`{flag.name}` takes no value.", usage)
            found[flag.name] = ()
            continue
        if "=" not in part:
            if not left or _flag_like(left[0]):
                raise Usage(f"`{flag.name}` needs a value: `{flag.name} {flag.value}`.", usage)
            given = str(left.pop(0))
        # A list may have been typed with spaces around its commas.
        while (
            flag.many
            and left
            and not _flag_like(left[0])
            and (given.endswith(",") or left[0].startswith(","))
        ):
            given += left.pop(0)
        values = tuple(item.strip() for item in given.split(",") if item.strip()) if flag.many else (given,)
        if flag.name in found and not flag.many:
            raise Usage(f"`{flag.name}` is given twice.", usage)
        found[flag.name] = found.get(flag.name, ()) + values
    return Words(tuple(words), found)


def _flag_like(part: str) -> bool:
    return part.startswith("--") and part != "--" and not isinstance(part, Quoted)
