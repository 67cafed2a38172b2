"""Damaged files of every kind end in a sentence: a short run of what ``make fuzz`` tries."""

import json

import pytest
from fuzz.corpus import KINDS, make_corpus
from fuzz.mutate import mutate
from fuzz.worker import content_of, trial

MUTANTS = {"study": 16, "partial": 16, "product": 10}
"""Of each kind, where it is not sixty: these take longer."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_corpus_is_accepted_as_it_is(corpus, kind):
    """Only mutants of right files reach what lies behind the first check."""
    assert {path.name: trial(path, kind, 0) for path in corpus[kind]} == {
        path.name: "accepted" for path in corpus[kind]
    }


@pytest.mark.parametrize("kind", KINDS)
def test_mutants_are_accepted_or_refused_in_a_sentence(corpus, kind):
    files = corpus[kind]
    wrong = {
        (path.name, number): outcome
        for number in range(1, 1 + MUTANTS.get(kind, 60) // len(files))
        for path in files
        if (outcome := trial(path, kind, number)) not in ("accepted", "refused")
    }
    assert not wrong


def test_a_number_names_a_mutant_for_ever(corpus):
    (plan,) = corpus["plan"]
    assert content_of(plan, 7) == content_of(plan, 7) != content_of(plan, 8)
    assert mutate(b"ENVI\nlines = 3\n", 3, text=True) == b"ENVI\n"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("study.json", "[" * 100_000),
        ("study.json", json.dumps({"name": "plan"})),
        ("study.json", json.dumps({"name": 3, "folder": "..", "data": None})),
        ("rows.json", "[" * 100_000),
        ("plan.toml", "name = \udcff"),
        ("records.jsonl", "[" * 100_000 + "\n"),
        ("records.jsonl", '{"id": "a", "column": "b", "metrics": 5}\n'),
        ("records.jsonl", '{"id": "a", "column": "b", "unscored": Infinity}\n'),
        ("records.jsonl", '{"id": "a", "column": "b", "unscored": 1e999}\n'),
        ("records.jsonl", '{"id": "a", "column": "b", "seed": 1' + "0" * 400 + "}\n"),
    ],
)
def test_a_studys_folder(corpus, name, line):
    (path,) = [path for path in corpus["study"] if path.name == name]
    before = path.read_bytes()
    path.write_text(line, errors="surrogateescape")
    try:
        assert trial(path, "study", 0) == ("accepted" if name == "rows.json" else "refused")
    finally:
        path.write_bytes(before)
