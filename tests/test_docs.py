"""The documentation names everything that a user can call."""

import argparse
import re
from pathlib import Path

import pytest

from oddspec import detectors
from oddspec.command import COMMANDS, parser_of

DOCS = Path(__file__).parents[1] / "docs"

PAGES = {"learned": ("learned", "networks")}
"""Pages of a family that fills more than the one of its own name."""


def sections_of(family: str) -> set[str]:
    """Words of the headings of a family's pages, such as ``## nmf, l1nmf``."""
    found: set[str] = set()
    for page in PAGES.get(family, (family,)):
        text = (DOCS / "detectors" / f"{page}.md").read_text(encoding="utf-8")
        for heading in re.findall(r"^##? (.+)$", text, re.M):
            found |= {name.strip().lower() for name in heading.split(",")}
    return found


@pytest.mark.parametrize("name", detectors.names())
def test_every_detector_has_a_section(name):
    family = detectors.family_of(name)
    assert name in sections_of(family), f"docs/detectors/{family}.md needs a section '## {name}'"


def commands() -> list[str]:
    """Every command and subcommand, as it is typed."""
    found = []
    for name in COMMANDS:
        parser = parser_of([name, "list"])  # `study` alone runs a plan
        (inner,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
        words = [
            sub
            for action in inner.choices[name]._actions
            if isinstance(action, argparse._SubParsersAction)
            for sub in action.choices
        ]
        found += [f"{name} {word}" for word in words] or [name]
    return found


@pytest.mark.parametrize("command", commands())
def test_every_command_is_documented(command):
    pages = [DOCS.parent / "README.md", *DOCS.glob("*.md")]
    assert any(f"oddspec {command}" in page.read_text(encoding="utf-8") for page in pages), (
        f"no page in docs shows `oddspec {command}`"
    )
