"""The ensemble: what averaging ranks must and must not change."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import oddspec
from oddspec import detectors
from oddspec.detectors.ensemble.ensemble import RULES, Ensemble, combined, standings
from oddspec.errors import BudgetError, DataWarning, InputError, SettingError
from oddspec.execution.in_memory import scores_in_memory, working_bytes

OWN = """
from dataclasses import dataclass
import numpy as np
from oddspec.detector import SceneDetector, SceneResult

@dataclass(frozen=True)
class {name}(SceneDetector):
    "A function of brightness."

    seed: int = 0

    def memory(self, height, width, bands):
        return 0

    def examine(self, cube, valid, progress=None):
        bright = np.where(valid, cube.mean(axis=2), np.nan)
        return SceneResult({expression})
"""


@pytest.fixture
def own(tmp_path):
    """Makes a detector of one's own, whose scores are an expression of brightness."""

    def made(name: str, expression: str) -> str:
        path = tmp_path / f"{name}.py"
        path.write_text(OWN.format(name=name.capitalize(), expression=expression))
        return str(path)

    return made


def ranking(scores):
    return np.argsort(scores, axis=None, kind="stable")


def test_standings_are_shares_below_with_ties_and_oneself_half():
    lists = np.array([[5.0, 1.0], [7.0, 1.0], [5.0, np.nan], [9.0, 1.0]])
    expected = np.array([[2 / 8, 1 / 2], [5 / 8, 1 / 2], [2 / 8, np.nan], [7 / 8, 1 / 2]])
    np.testing.assert_allclose(standings(lists), expected)


def test_the_rules_by_hand():
    shares = np.array([[0.9, 0.5], [0.5, np.nan], [np.nan, np.nan]])
    tail = [(np.log(10) + np.log(2)) / 2, np.log(2), np.nan]
    np.testing.assert_allclose(combined(shares, "tail"), tail)
    np.testing.assert_allclose(combined(shares, "rank"), [0.7, 0.5, np.nan])
    np.testing.assert_allclose(combined(shares, "normal"), [1.2815515655446004 / 2, 0.0, np.nan])


@pytest.mark.parametrize("rule", RULES)
def test_members_of_one_mind_keep_their_ranking(cube, rule):
    # With all components, RX in principal components is RX.
    scores = oddspec.detect(cube, "ensemble", members="rx,pca_rx", combine=rule)
    np.testing.assert_array_equal(ranking(scores), ranking(oddspec.detect(cube, "rx")))


@pytest.mark.parametrize("rule", RULES)
def test_opposite_members_cancel_or_meet_at_the_ends(cube, own, rule):
    up, down = own("up", "bright"), own("down", "-bright")
    scores = oddspec.detect(cube, "ensemble", members=f"{up},{down}", combine=rule)
    if rule == "tail":  # what either finds odd stands above what neither does
        middle = np.median(oddspec.detect(cube, up))
        order = ranking(np.abs(oddspec.detect(cube, up) - middle))
        assert scores.flat[order[-5:]].min() > scores.flat[order[:5]].max()
    else:
        np.testing.assert_allclose(scores, {"rank": 0.5, "normal": 0.0}[rule], atol=1e-12)


def test_a_monotone_function_of_a_member_changes_nothing(cube, own):
    plain, bent = own("plain", "bright"), own("bent", "np.exp(bright / bright[valid].max()) - 7")
    with_plain = oddspec.detect(cube, "ensemble", members=f"rx,{plain}")
    with_bent = oddspec.detect(cube, "ensemble", members=f"rx,{bent}")
    np.testing.assert_array_equal(with_plain, with_bent)


def test_the_order_of_the_members_does_not_matter(cube):
    one = oddspec.detect(cube, "ensemble", members="rx,lrr,rpca")
    other = oddspec.detect(cube, "ensemble", members=" RPCA, rx,lrr")
    np.testing.assert_allclose(one, other, rtol=1e-12)


def test_the_highest_score_is_what_a_list_of_n_can_tell(cube):
    scores = oddspec.detect(cube, "ensemble", members="rx,lrr")
    assert scores.max() == pytest.approx(np.log(2 * scores.size))
    assert np.unravel_index(scores.argmax(), scores.shape) == (9, 13)


def test_seeds_go_to_the_members(cube, own):
    drawn = own("drawn", "bright * np.random.default_rng(self.seed).random(bright.shape)")
    first, again, other = (
        oddspec.detect(cube, "ensemble", members=f"rx,{drawn}", seed=seed) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_member_has_its_own_settings(cube):
    narrow, wide = Ensemble("rx, crd guard=3 outer=5,crd  guard=5 outer=7 penalty=1e-3").built()[1:]
    assert (narrow.guard, narrow.outer, narrow.penalty) == (3, 5, 1e-6)
    assert (wide.guard, wide.outer, wide.penalty) == (5, 7, 1e-3)
    given = oddspec.detect(cube, "ensemble", members="rx,crd guard=3 outer=5")
    lists = [oddspec.detect(cube, "rx"), oddspec.detect(cube, "crd", guard=3, outer=5)]
    expected = combined(standings(np.stack([scores.ravel() for scores in lists], 1)), "tail")
    np.testing.assert_allclose(given.ravel(), expected)


def test_a_file_with_a_blank_in_its_name_is_a_member(cube, own):
    path = Path(own("mine", "bright")).rename(Path(own("mine", "bright")).with_name("my own.py"))
    assert len(Ensemble(f"rx,{path}").built()) == 2


def test_insights_are_the_members_views_and_their_agreement(cube):
    valid = np.ones(cube.shape[:2], dtype=np.bool_)
    valid[3, 4] = False
    members, agreement = Ensemble("rx,pca_rx,rpca").examine(cube, valid).insights
    assert members.names == agreement.names == ("rx", "pca_rx", "rpca")
    assert members.values.shape == (*valid.shape, 3)
    assert np.isnan(members.values[3, 4]).all()
    assert np.nanmax(members.values) == pytest.approx(np.log10(2 * valid.sum()))
    np.testing.assert_allclose(np.diag(agreement.values), 1.0)
    assert agreement.values[0, 1] == pytest.approx(1.0)
    assert 0 < agreement.values[0, 2] < 1


def test_a_member_without_a_training_is_no_member_without_progress(cube):
    oddspec.detect(cube, "ensemble", members="rx, lrr_net epochs=0 stages=2")


def test_progress_goes_on_through_the_members(cube):
    told = []
    oddspec.detect(
        cube,
        "ensemble",
        members="rx,rpca",
        progress=lambda done, total, stage: told.append((done / total, stage)),
    )
    shares = [share for share, _ in told]
    assert shares[0] == 0.0
    assert max(shares) <= 1.0
    assert {stage.split(":")[0] for _, stage in told} == {"rx", "rpca"}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ("rx", "at least two different detectors"),
        ("rx,RX", "at least two different detectors"),
        ("rx,ensemble", "other than ensemble"),
        ("crd guard=5,crd  guard=5", "at least two different detectors"),
        ("rx,crd gard=5", "members='rx,crd gard=5': CRD has no setting 'gard'; did you mean guard"),
        ("rx,crd guard=four", "members='rx,crd guard=four': guard='four': expected int"),
        (
            "rx,crd guard = 5",
            "no detector 'crd guard = 5'.* NAME KEY=VALUE, without blanks",
        ),
        ("rx,crdd", "members='rx,crdd': there is no detector 'crdd'; did you mean crd"),
    ],
)
def test_members_that_make_no_ensemble_are_refused(members, message):
    with pytest.raises(SettingError, match=message):
        Ensemble(members)


def test_a_member_that_needs_what_is_not_installed_is_named():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from oddspec.detectors.ensemble.ensemble import Ensemble\n"
        "try:\n    Ensemble('rx,auto_ad')\nexcept ValueError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("members='rx,auto_ad': auto_ad needs PyTorch, which is not")


def test_a_member_that_the_scene_does_not_suit_is_named(rng):
    with pytest.raises(InputError, match="member crd: the scene has 9 rows"):
        oddspec.detect(rng.normal(size=(9, 30, 5)), "ensemble", members="rx,crd")


def test_what_a_member_warns_of_names_it(rng):
    cube = rng.normal(0.2, 1.0, (24, 24, 6))
    with pytest.warns(DataWarning, match="^member nmf: .*negative"):
        oddspec.detect(cube, "ensemble", members="rx,nmf")


def test_memory_is_that_of_the_greediest_member(rng):
    some, more = Ensemble("rx,pca_rx").memory(50, 60, 20), Ensemble("rx,rpca").memory(50, 60, 20)
    assert more > detectors.load("rpca")().memory(50, 60, 20)
    assert some < more
    with pytest.raises(BudgetError, match="works on the whole scene"):
        oddspec.detect(rng.normal(size=(50, 60, 20)), "ensemble", max_memory=1)


@pytest.mark.parametrize("name", ["rx", "frfe", "local_rx", "rpca"])
def test_in_memory_scores_are_those_of_a_run(rng, name):
    cube = rng.normal(size=(40, 45, 6)) + 5.0
    cube[7, 8] = np.nan
    valid = ~np.isnan(cube).any(axis=2)
    kept = np.where(valid[..., None], cube, 0.0)
    detector = detectors.load(name)()
    found = scores_in_memory(detector, kept, valid)
    np.testing.assert_allclose(found, oddspec.detect(cube, name), rtol=1e-8)
    assert working_bytes(detector, 40, 45, 6) > 0
