"""The command line: ``oddspec detect|info|evaluate|detectors|scenes|study``."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from oddspec import __version__
from oddspec.command.terminal import say
from oddspec.errors import OddspecError

COMMANDS = {
    "detect": "find the anomalies of scenes and write maps, tables and a report",
    "info": "what a scene file holds and what would be done with it",
    "evaluate": "compare a score map with a ground truth",
    "detectors": "list the detectors, or one detector's settings",
    "scenes": "the catalogue of public scenes, and the scene maker",
    "study": "run detectors on scenes by a plan, and keep a record of every run",
}

MISTAKE = 2
"""Exit status for what the user can mend; also argparse's own."""

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns
    -------
    int
        0 if all went well, 2 if input or settings did not serve (for at least one scene), 130
        after Ctrl-C.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = parser_of(words)
    chosen = parser.parse_args(words)
    try:
        return int(chosen.run(chosen))
    except KeyboardInterrupt:
        say("interrupted; what is done is kept: the same command with --resume goes on from there")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (head, less) has left; that is no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OddspecError, OSError) as error:
        # An OSError is one that no reader or writer has put into better words.
        say(f"error: {error}")
        return MISTAKE


class _Parser(argparse.ArgumentParser):
    """Takes whatever begins like a negative number for a value, as ``-1e34`` or ``-5e5,4e6``."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._negative_number_matcher = re.compile(r"-\.?\d")


def parser_of(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of a command line; the arguments are those of its first word's command only."""
    parser = _Parser(
        prog="oddspec",
        description="Hyperspectral anomaly detection: find the spectra that do not belong.",
        epilog="oddspec COMMAND --help tells more.",
    )
    parser.add_argument("--version", action="version", version=f"oddspec {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        sub = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        # Only the command that is called is loaded, so that --help and --version are instant.
        if name in words[:1]:
            import_module(f"oddspec.command.{name}").add_arguments(sub, words)
    return parser
