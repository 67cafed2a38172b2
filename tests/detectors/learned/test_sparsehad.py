import numpy as np
import pytest
import torch

from cubes import make_cube
from oddspec.detectors.learned.sparsehad import SparseHAD
from oddspec.detectors.learned.sparsehad.background import SparseHADBackground
from oddspec.errors import InputError, SettingError
from oddspec.statistics.gaussian import Gaussian
from oddspec.statistics.scaling import global01
from oddspec.statistics.summary import Moments

QUICK = {"runs": 1, "latent": 6, "hidden": 8, "steps": 60}


@pytest.fixture
def pixels(cube):
    return cube.reshape(-1, cube.shape[2])


def fit(pixels, **settings):
    detector = SparseHAD(**{**QUICK, **settings})
    return detector.fit(detector.summarise(pixels, np.arange(len(pixels))))


@pytest.mark.parametrize("strategy", ["latent", "original"])
@pytest.mark.parametrize("difference", ["absolute", "signed"])
@pytest.mark.parametrize("second", ["tied", "own"])
def test_the_score_is_rx_of_the_differences(pixels, strategy, difference, second):
    background = fit(pixels, strategy=strategy, second=second, difference=difference, floor=0.0)
    x = background.scaling(pixels).astype(np.float32)
    networks = background.runs[0].rebuilder
    z = networks.encoder(x)
    again = networks.decoder(z)
    change = (x - again if strategy == "original" else z - networks.second(again)).astype(float)
    change = np.abs(change) if difference == "absolute" else change
    expected = Gaussian.of(Moments.of(change)).score(change)
    np.testing.assert_allclose(background.score(pixels), expected, rtol=1e-6)


def test_one_fit_serves_all_strategies(pixels):
    fitted = fit(pixels)
    other = SparseHADBackground.of(
        "latent", "signed", 0.3, fitted.scaling, fitted.search, fitted.runs, pixels
    )
    expected = fit(pixels, strategy="latent", difference="signed", floor=0.3).score(pixels)
    np.testing.assert_allclose(other.score(pixels), expected, rtol=1e-9)


def test_the_floor_is_added_to_the_covariance(pixels):
    background = fit(pixels, floor=0.5)
    change = background.runs[0].rebuilder.difference(
        background.scaling(pixels), latent=False, absolute=True
    )
    covariance = np.cov(change.T)
    covariance += 0.5 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    centred = change - change.mean(axis=0)
    expected = np.einsum("ij,ij->i", centred @ np.linalg.inv(covariance), centred)
    np.testing.assert_allclose(background.score(pixels), expected, rtol=1e-6)


def test_networks_learn_from_the_scale_that_is_asked_for(pixels):
    background = fit(pixels, scaling="band")
    member = background.scaling(pixels)
    inner = np.abs(member).max(axis=1) < 20
    np.testing.assert_allclose(member[inner].std(axis=0), 1, rtol=0.3)
    scene = fit(pixels, scaling="scene").scaling(pixels)
    assert (scene.min(), scene.max()) == (0, 1)


def test_the_background_leaves_the_anomalous_pixel_out_and_keeps_its_share(pixels):
    search = fit(pixels, background_share=0.9).search
    assert 0.9 <= search.share < 1
    scaled = global01(pixels)(pixels)
    anomalous = 9 * 26 + 13
    nearest = np.sort(np.linalg.norm(scaled - scaled[anomalous], axis=1))[1]
    assert nearest > search.eps


def test_scores_of_several_runs_are_averaged(pixels):
    three = fit(pixels, runs=3)
    assert len({run.losses.tobytes() for run in three.runs}) == 3
    single = [
        g.score(run.rebuilder.difference(three.scaling(pixels), latent=False, absolute=True))
        for run, g in zip(three.runs, three.gaussians, strict=True)
    ]
    np.testing.assert_allclose(three.score(pixels), np.mean(single, axis=0), rtol=1e-9)


def test_a_given_eps_is_used(pixels):
    assert fit(pixels, eps=0.5).search.eps == 0.5
    with pytest.raises(SettingError, match=r"eps=1e-06: .* group of pixels that close has 1 of"):
        fit(pixels, eps=1e-6)


def test_a_sample_scores_a_larger_scene(rng):
    cube = make_cube(rng, 40, 40, 10)
    cube[30, 31] = rng.uniform(100, 1000, 10)
    pixels = cube.reshape(-1, 10)
    scores = fit(pixels, sample=400, steps=400).score(pixels).reshape(40, 40)
    assert (scores >= scores[30, 31]).sum() <= 3


def test_tensors_are_scored_as_arrays_are(pixels):
    background = fit(pixels)
    found = background.score(torch.from_numpy(pixels))
    np.testing.assert_allclose(found.numpy(), background.score(pixels), rtol=1e-3)


@pytest.mark.parametrize(
    "settings",
    [{"latent": 0}, {"eps": 0.0}, {"background_share": 0.0}, {"background_share": 1.5},
     {"bound": 0.0}, {"batch": -1}, {"sample": 5}, {"floor": -0.1}],
)  # fmt: skip
def test_settings_out_of_range_are_named(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        SparseHAD(**settings)


def test_an_encoder_that_would_not_be_trained_scores_nothing():
    SparseHAD(second="own", sparsity_weight=0.0)
    with pytest.raises(SettingError, match="would not be trained"):
        SparseHAD(strategy="latent", second="own", sparsity_weight=0.0)


def test_too_few_or_equal_pixels_are_refused():
    with pytest.raises(InputError, match="at least 2"):
        fit(np.ones((1, 5)))
    with pytest.raises(InputError, match="all valid pixels are equal"):
        fit(np.ones((30, 5)))


def test_published_eps_give_the_sizes_that_the_paper_describes(shared):
    from scipy import io

    from oddspec.detectors.learned.sparsehad.background_search import largest_component
    from oddspec.statistics.scaling import global01

    for name, eps, size in (("abu-airport-4", 0.13, 9903), ("sandiego-2", 0.22, 9690)):
        cube = io.loadmat(shared / "data" / f"{name}.mat")["data"].astype(float)
        pixels = cube.reshape(-1, cube.shape[2])
        assert largest_component(global01(pixels)(pixels), eps).sum() == size


def test_tensors_are_learnt_from_as_arrays_are(pixels):
    detector = SparseHAD(**QUICK)
    half, index = len(pixels) // 2, np.arange(len(pixels))
    tensor = torch.from_numpy(pixels)
    parts = (slice(None, half), slice(half, None))
    first, second = (detector.summarise(tensor[part], index[part]) for part in parts)
    background = detector.fit(first + second)
    assert isinstance((first + second).pixels, torch.Tensor)
    np.testing.assert_allclose(
        background.score(pixels), fit(pixels).score(pixels), rtol=1e-4, atol=1e-4
    )


def test_categories_and_rebuilt_spectra_are_shown(pixels):
    background = fit(pixels)
    found = {insight.name: insight for insight in background.insights()}
    sizes = background.search.sizes
    assert sizes.sum() == len(pixels)
    assert sizes[0] == pytest.approx(background.search.share * len(pixels))
    np.testing.assert_array_equal(found["categories"].values, sizes[:6])
    shown = found["reconstructions"]
    half = len(shown.values) // 2
    # From the least to the most unusual of all, each in the scene's units.
    scores = background.score(pixels)
    np.testing.assert_allclose(shown.values[0], pixels[scores.argmin()])
    np.testing.assert_allclose(shown.values[half - 1], pixels[scores.argmax()])
    x, again = shown.values[half - 1], shown.values[-1]
    np.testing.assert_allclose(
        again,
        background.scaling.inverse(
            background.runs[0].rebuilder.rebuild(background.scaling(x[None]))
        )[0],
        rtol=1e-5,
    )
    angle = np.degrees(np.arccos(x @ again / np.linalg.norm(x) / np.linalg.norm(again)))
    assert shown.names[-1] == f"pixel {half} rebuilt, {angle:.1f}°"
