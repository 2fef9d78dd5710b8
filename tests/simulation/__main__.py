"""Plays episodes from the command line; one seed is told step by step."""

from __future__ import annotations

import sys
import time

import click

from tests.simulation.campaign import campaign
from tests.simulation.episode import Bot, play
from tests.simulation.machine import Memory
from tests.simulation.naive import NAIVE


@click.command()
@click.option("--episodes", default=10_000, show_default=True)
@click.option("--seed", type=int, help="Only this one, step by step.")
@click.option("--bot", "name", type=click.Choice(sorted(NAIVE)), help="A naive bot instead.")
def main(episodes: int, seed: int | None, name: str | None) -> None:
    """Plays episodes, and says what was lost, doubled or stuck."""
    if seed is not None:
        verdict = play(seed, Memory(), NAIVE.get(name or "", Bot()), print)
        print(verdict)
        sys.exit(not verdict.fine)
    began = time.monotonic()
    found = campaign(episodes, name or "")
    print(f"{found}, in {time.monotonic() - began:.0f} s")
    sys.exit(found.worst is not None)


if __name__ == "__main__":
    main()
