"""The command line: ``oddspec detect|info|evaluate|detectors|scenes|study``."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

from oddspec import __version__
from oddspec.command.faults import told
from oddspec.command.terminal import lasting_output, say
from oddspec.errors import OddspecError, did_you_mean

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

FAULT = 1
"""Exit status for what nobody foresaw."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns
    -------
    int
        0 if all went well, 2 if input or settings did not serve (for at least one scene) or
        results could not be written, 130 after Ctrl-C, 1 after an error that nobody foresaw. A
        reader of the output that has left (``| head``) changes nothing: work goes on.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    with lasting_output() as output:
        status = _main(words)
        sys.stdout.flush()
        if output.error is not None:
            say(f"error: results could not be written to standard output ({output.error})")
    return status if output.error is None else status or MISTAKE


def _main(words: list[str]) -> int:
    chosen = argparse.Namespace()
    try:
        parser_of(words).parse_args(words, chosen)
        return int(chosen.run(chosen))
    except KeyboardInterrupt:
        say("interrupted; what is done is kept: the same command with --resume goes on from there")
        return INTERRUPTED
    except Exception as error:
        say(f"error: {told(error, getattr(chosen, 'out', None), words)}")
        return MISTAKE if isinstance(error, (OddspecError, OSError, MemoryError)) else FAULT


class _Once(argparse._StoreAction):
    """An option with a value that may be given once: which of two counted would be a guess."""

    given_in: argparse.Namespace | None = None

    def __call__(self, parser: Any, namespace: Any, values: Any, option: str | None = None) -> None:
        if option is not None and self.given_in is namespace:
            parser.error(f"{option} was given twice; leave one of them out")
        self.given_in = namespace
        super().__call__(parser, namespace, values, option)


class _Parser(argparse.ArgumentParser):
    """Takes options by their full names, and each once.

    Whatever begins like a negative number is a value, as ``-1e34`` or ``-5e5,4e6``.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **{"allow_abbrev": False, **named})
        self._negative_number_matcher = re.compile(r"-\.?\d")
        self.register("action", None, _Once)
        self.register("action", "store", _Once)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does it; options that there are not are told with those that are near."""
        chosen, rest = self.parse_known_args(args, namespace)
        if rest:
            unknown = next((word for word in rest if word.startswith("-")), rest[0])
            known = list(_options(self))
            near = [option for option in known if option.startswith(unknown)][:3]
            hint = did_you_mean(unknown, near or known, most=3)
            self.error(f"unrecognized arguments: {' '.join(rest)}{hint}")
        return chosen


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    """The options of a parser and of those below it."""
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _options(below)


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
