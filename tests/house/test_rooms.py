"""How the package is built: who imports whom, and where the code of one algorithm lies."""

import ast
import collections
import tomllib
from pathlib import Path

import pytest
from import_graph import GROUND, circles, closure, graph, home, room

import oddspec
from oddspec import detectors

SOURCE = Path(oddspec.__file__).parent
ROOT = SOURCE.parents[1]

# The import list's layers below the detectors hold these rooms. An algorithm is read in its own
# folder, in the methods that several algorithms share, and in the statistics that all stand on.
METHODS = {"networks", "solvers", "execution"}
FOUNDATIONS = {"statistics", "threshold", "windows"}


def place(module):
    if room(module) in METHODS:
        return "methods"
    if room(module) in FOUNDATIONS:
        return "foundations"
    return room(module)


def users():
    """Of each module, the detectors that cannot be read without it."""
    found = collections.defaultdict(set)
    for name in detectors.names():
        for module in closure(name):
            found[module].add(name)
    return found


def within(module, folder):
    return f"{module}.".startswith(f"{folder}.")


def test_no_files_import_one_another():
    assert circles() == []


def test_a_circle_would_be_found(monkeypatch):
    built = {"a": frozenset("b"), "b": frozenset("c"), "c": frozenset("a"), "d": frozenset("a")}
    monkeypatch.setattr("import_graph.graph", lambda: built)
    assert circles() == [["a", "b", "c"]]


def test_few_modules_lie_at_the_root():
    modules = sorted(path.name for path in SOURCE.glob("*.py"))
    assert len(modules) <= 13, modules


def test_there_are_few_layers():
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in table["tool"]["importlinter"]["contracts"]:
        assert len(contract["layers"]) <= 12


def test_no_detector_imports_another():
    """Only its own folder, what its family shares, and what all families share."""
    wrong = [
        (module, imported)
        for name in detectors.names()
        for module in graph()
        if within(module, home(name))
        for imported in graph()[module]
        if within(imported, "oddspec.detectors") and imported != "oddspec.detectors"
        if not (within(imported, home(name)) or _shared_by(imported, home(name).rpartition(".")[0]))
    ]
    assert wrong == []


def _shared_by(module, family):
    """``detectors/_NAME`` and ``detectors/FAMILY/_NAME``, and files within such folders."""
    for folder in ("oddspec.detectors", family):
        if within(module, folder) and module.removeprefix(f"{folder}.").startswith("_"):
            return True
    return False


def test_shared_files_import_no_detector():
    homes = [home(name) for name in detectors.names()]
    wrong = [
        (module, imported)
        for module in graph()
        if module.rpartition(".")[2].startswith("_") and within(module, "oddspec.detectors")
        for imported in graph()[module]
        if any(within(imported, one) for one in homes)
    ]
    assert wrong == []


# The ensemble runs other detectors, as a study does, and uses what runs them.
@pytest.mark.parametrize("name", [name for name in detectors.names() if name != "ensemble"])
def test_what_only_one_detector_uses_lies_in_its_folder(name):
    alone = {module for module, names in users().items() if names == {name}}
    outside = {module for module in alone if not within(module, home(name))}
    assert outside == set()


@pytest.mark.parametrize("name", ["lren", "rednmf", "sparsehad"])
def test_an_algorithm_is_read_in_at_most_three_places(name):
    files = closure(name)
    assert {home(name), "oddspec.statistics.summary"} <= files
    assert not files & GROUND
    assert {place(module) for module in files} <= {"detectors", "methods", "foundations"}
    # Under `detectors` there is the algorithm's folder, and no more than two shared files.
    beside = {m for m in files if room(m) == "detectors" and not within(m, home(name))}
    assert len(beside) <= 2, beside


# What all algorithms of one kind have: the same thing under the same name.
EVERY_SOLVER = {"gap", "objective", "start", "step"}
EVERY_COMMAND = {"add_arguments", "run_command"}

TO_BE_RENAMED: set[str] = set()
"""Names that still mean two things. May only become fewer."""


def twice_defined():
    """Functions and classes that two files define and that are not private, with the files."""
    found = collections.defaultdict(list)
    for path in sorted(SOURCE.rglob("*.py")):
        for name in _offered(ast.parse(path.read_text(encoding="utf-8"))):
            found[name].append(path.relative_to(SOURCE).as_posix())
    return {name: files for name, files in found.items() if len(files) > 1}


def _offered(tree):
    """Functions and classes of a file that no underscore marks as its own."""
    nodes = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    return {node.name for node in nodes if not node.name.startswith("_")}


def test_one_name_means_one_thing():
    found = twice_defined()
    wrong = {k: v for k, v in found.items() if k not in EVERY_SOLVER | EVERY_COMMAND}
    assert {k: v for k, v in wrong.items() if k not in TO_BE_RENAMED} == {}
    assert TO_BE_RENAMED - wrong.keys() == set(), "renamed by now: take these off the list"
    for name in EVERY_COMMAND:
        assert all(file.startswith("command/") for file in found[name])
