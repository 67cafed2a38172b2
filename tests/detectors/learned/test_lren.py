import numpy as np
import pytest

from cubes import make_cube
from oddspec import detectors
from oddspec.detectors.learned.lren import LREN, lrr
from oddspec.detectors.learned.lren.network import choose_atoms
from oddspec.errors import InputError, SettingError
from oddspec.statistics.gaussian import Gaussian
from oddspec.statistics.summary import Moments

QUICK = {"latent": 4, "hidden": 24, "steps": 40, "components": 3, "runs": 1}


@pytest.fixture
def pixels(cube):
    return cube.reshape(-1, cube.shape[2])


def fit(pixels, **settings):
    detector = LREN(**{**QUICK, **settings})
    return detector.fit(detector.summarise(pixels, np.arange(len(pixels))))


def latent(background, pixels):
    """Latent pixels as the representation takes them."""
    member = background.members[0]
    code = member.encoder(background.scaling(pixels).astype(np.float32)).astype(float)
    return (code - member.mean) @ member.frame


def test_below_the_critical_penalty_the_score_is_rx_in_the_latent_space(pixels):
    background = fit(pixels, penalty_ratio=0.95)
    code = background.members[0].encoder(background.scaling(pixels).astype(np.float32))
    expected = np.sqrt(Gaussian.of(Moments.of(code.astype(float))).score(code.astype(float)))
    scores = background.score(pixels)
    np.testing.assert_allclose(scores / scores.mean(), expected / expected.mean(), rtol=1e-3)


@pytest.mark.parametrize("solver", ["published", "optimum"])
@pytest.mark.parametrize("norm", ["l2", "l1"])
def test_a_whole_sample_gets_the_joint_solutions_errors(pixels, solver, norm):
    background = fit(pixels, solver=solver, norm=norm, penalty_ratio=3.0)
    rows, coupling = latent(background, pixels), background.members[0].coupling
    schedule = {} if solver == "published" else {"mu": 0.1, "mu_growth": 1.0, "max_iter": 3000}
    together = lrr.solve(rows, coupling.atoms, coupling.penalty, tol=1e-8, **schedule).A
    expected = np.linalg.norm(together, ord=int(norm[1]), axis=1)
    # What the solver was given and what is encoded here differ by rounding in single precision.
    tolerance = np.finfo(np.float32).eps if solver == "published" else 2e-3
    found = background.score(pixels)
    np.testing.assert_allclose(
        found / found.mean(), expected / expected.mean(), atol=tolerance * found.max()
    )


def test_the_penalty_is_a_multiple_of_the_critical_one_or_given(pixels):
    background = fit(pixels, penalty_ratio=3.0)
    coupling = background.members[0].coupling
    critical = lrr.critical_penalty(latent(background, pixels), coupling.atoms)
    assert coupling.penalty == pytest.approx(3 * critical)
    assert fit(pixels, penalty=0.01).members[0].coupling.penalty == 0.01


def test_atoms_are_as_code_and_paper_say():
    z = np.array([[0.0, 0], [1, 0], [5, 0], [10, 10], [10, 11], [12, 10]])
    share = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8], [0.4, 0.6], [0.1, 0.9]])
    share = np.hstack([share, np.zeros((6, 1))])  # nobody belongs to the third most
    np.testing.assert_array_equal(choose_atoms(z, share, "members"), z[[0, 1, 5, 4]])
    found = choose_atoms(z, share, "centroids")
    np.testing.assert_allclose(found[0], share[:, 0] @ z / share[:, 0].sum())
    # All pixels draw the mean, here to (3.9, 2.6), from which the first member is farthest.
    np.testing.assert_array_equal(found[1], z[0])
    assert len(found) == 4


def test_permuted_pixels_of_a_fitted_scene_get_permuted_scores(pixels, rng):
    background = fit(pixels)
    order = rng.permutation(len(pixels))
    np.testing.assert_allclose(
        background.score(pixels[order]), background.score(pixels)[order], rtol=1e-5
    )


def test_a_sample_scores_a_larger_scene(rng):
    cube = make_cube(rng, 40, 40, 10)
    cube[30, 31] = rng.uniform(100, 1000, 10)
    pixels = cube.reshape(-1, 10)
    background = fit(pixels, sample=300, hidden=60, steps=300)
    scores = background.score(pixels).reshape(40, 40)
    assert (scores >= scores[30, 31]).sum() <= 3


def test_training_moves_every_parameter(pixels):
    few, many = (fit(pixels, steps=steps).members[0].encoder for steps in (1, 30))
    for before, after in zip(few.parameters, many.parameters, strict=True):
        assert (before != after).all()


def test_runs_are_averaged_and_differ(pixels):
    both = fit(pixels, runs=2)
    first = fit(pixels, runs=1)
    assert len(both.members) == 2
    np.testing.assert_allclose(first.score(pixels).mean(), 1, rtol=1e-6)
    second = 2 * both.score(pixels) - first.score(pixels)
    assert np.corrcoef(first.score(pixels), second)[0, 1] < 0.99999


def test_insights_are_in_the_scenes_units(pixels):
    dictionary, losses, penalty = fit(pixels, hidden=60, steps=400).insights()
    assert dictionary.kind == "spectra"
    assert dictionary.values.shape[1] == pixels.shape[1]
    assert pixels.min() - 500 < dictionary.values.min() < dictionary.values.max()
    assert dictionary.values.max() < pixels.max() + 500
    assert losses.values[-1].sum() < losses.values[0].sum()
    assert penalty.values.shape == (1,)


def test_tensors_are_scored_as_arrays_are(pixels):
    torch = pytest.importorskip("torch")
    background = fit(pixels)
    found = background.score(torch.from_numpy(pixels))
    assert isinstance(found, torch.Tensor)
    np.testing.assert_allclose(found.numpy(), background.score(pixels), rtol=1e-4)


@pytest.mark.parametrize(
    "settings",
    [{"latent": 0}, {"runs": 0}, {"batch": -1}, {"penalty": 0.0}, {"learning_rate": -1.0},
     {"sample": 5}],
)  # fmt: skip
def test_settings_out_of_range_are_named(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        LREN(**settings)


def test_a_learning_rate_that_blows_up_is_named(pixels):
    with pytest.raises(SettingError, match=r"lren: .* epoch \d+ .*learning_rate"):
        fit(pixels, learning_rate=1e6, optimiser="sgd", steps=200)


def test_too_few_or_equal_pixels_are_refused():
    with pytest.raises(InputError, match="at least 2"):
        fit(np.ones((1, 5)))
    with pytest.raises(InputError, match="all valid pixels are equal"):
        fit(np.ones((30, 5)))


def test_it_is_found_by_name():
    assert detectors.load("lren") is LREN


def test_tensors_are_learnt_from_as_arrays_are(pixels):
    import torch

    detector = LREN(**QUICK)
    half, index = len(pixels) // 2, np.arange(len(pixels))
    tensor = torch.from_numpy(pixels)
    parts = (slice(None, half), slice(half, None))
    first, second = (detector.summarise(tensor[part], index[part]) for part in parts)
    background = detector.fit(first + second)
    assert isinstance((first + second).pixels, torch.Tensor)
    np.testing.assert_allclose(
        background.score(pixels), fit(pixels).score(pixels), rtol=1e-4, atol=1e-4
    )


def test_latent_units_are_at_most_half_as_many_as_bands(pixels):
    background = fit(pixels, latent=50)
    assert latent(background, pixels).shape[1] == pixels.shape[1] // 2


@pytest.mark.parametrize("kind", ["members", "centroids", "kmeans"])
def test_other_dictionaries_and_a_mixture_trained_afterwards(pixels, kind):
    background = fit(pixels, dictionary=kind, joint=False)
    assert background.score(pixels).argmax() == 9 * 26 + 13
    (member,) = background.members
    assert len(member.spectra) <= 6
    assert member.terms == ("reconstruction",)


def test_below_the_critical_penalty_it_is_rx_of_the_scene_in_the_original_space(pixels):
    background = fit(pixels, space="original", penalty_ratio=0.95)
    assert background.members[0].encoder is None
    lengths = np.sqrt(Gaussian.of(Moments.of(pixels)).score(pixels))
    np.testing.assert_allclose(background.score(pixels), lengths / lengths.mean(), rtol=1e-3)


def test_without_weight_on_the_errors_the_score_is_the_norm_of_the_latent_pixel(pixels):
    background = fit(pixels, penalty=1e-12, whiten=False)
    (member,) = background.members
    code = member.encoder(background.scaling(pixels).astype(np.float32)).astype(np.float64)
    expected = np.linalg.norm(code, axis=1)
    np.testing.assert_allclose(background.score(pixels), expected / expected.mean(), rtol=1e-6)


def test_with_tanh_at_the_ends_codes_and_reconstructions_are_bounded(pixels):
    background = fit(pixels, ends="tanh", whiten=False)
    assert np.abs(latent(background, pixels)).max() <= 1
    assert np.abs(fit(pixels, whiten=False).members[0].spectra).max() > 1
    assert np.abs(background.members[0].spectra).max() <= 1


def test_squared_errors_are_all_damped_alike(pixels):
    """At a fixed point of ``||W||_* + lam ||A||_F^2`` with full thresholding, by hand."""
    how = {"solver": "published", "error": "frobenius", "whiten": False, "penalty": 5.0}
    background = fit(pixels, **how)
    rows, coupling = latent(background, pixels), background.members[0].coupling
    together = lrr.solve(rows, coupling.atoms, 5.0, shrink=lrr.damp).A
    expected = np.linalg.norm(together, axis=1)
    found = background.score(pixels)
    np.testing.assert_allclose(found / found.mean(), expected / expected.mean(), rtol=1e-3)
    with pytest.raises(SettingError, match="published"):
        LREN(error="frobenius")


def test_the_proximal_operator_of_squared_errors_minimises(rng):
    M, t = rng.normal(size=(4, 3)), 0.7
    A = lrr.damp(M, t)
    np.testing.assert_allclose(2 * t * A + (A - M), 0, atol=1e-12)
