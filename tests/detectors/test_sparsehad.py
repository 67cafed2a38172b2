import numpy as np
import pytest
import torch

from cubes import make_cube
from oddspec.detectors.learned.sparsehad import SparseHAD, SparseHADBackground
from oddspec.errors import InputError, SettingError
from oddspec.learning.networks import draw
from oddspec.learning.sparse_gan import learn, tied
from oddspec.linalg import Gaussian
from oddspec.summary import Moments

QUICK = {"latent": 6, "hidden": 8, "steps": 60}

LEARN = {
    "latent": 5, "hidden": 6, "own_encoder": False, "reconstruction_weight": 50.0,
    "adversarial_weight": 0.5, "sparsity_weight": 1.0, "bound": 0.1, "steps": 30, "batch": 0,
    "rate": 1e-3, "patience": 0, "seed": 0,
}  # fmt: skip


@pytest.fixture
def pixels(cube):
    return cube.reshape(-1, cube.shape[2])


def fit(pixels, **settings):
    detector = SparseHAD(**{**QUICK, **settings})
    return detector.fit(detector.summarise(pixels, np.arange(len(pixels))))


@pytest.mark.parametrize("strategy", ["latent", "original"])
@pytest.mark.parametrize("second", ["tied", "own"])
def test_the_score_is_rx_of_the_differences(pixels, strategy, second):
    background = fit(pixels, strategy=strategy, second=second)
    x = background.scaling(pixels).astype(np.float32)
    z = background.encoder(x)
    again = background.decoder(z)
    difference = x - again if strategy == "original" else z - background.second(again)
    gaussian = Gaussian.of(Moments.of(difference.astype(float)))
    np.testing.assert_allclose(
        background.score(pixels), gaussian.score(difference.astype(float)), rtol=1e-6
    )


def test_a_tied_encoder_is_the_decoder_transposed():
    decoder = draw((3, 4, 7), ("linear", "linear"), torch.Generator().manual_seed(0)).frozen()
    code = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    first, second = decoder.weights
    np.testing.assert_allclose(
        tied(decoder)(decoder(code)), code @ first @ second @ second.T @ first.T, rtol=1e-4
    )


def test_the_background_leaves_the_odd_pixel_out_and_keeps_its_share(pixels):
    background = fit(pixels, background_share=0.9)
    assert 0.9 <= background.notes.share < 1
    scaled = background.scaling(pixels)
    odd = 9 * 26 + 13
    nearest = np.sort(np.linalg.norm(scaled - scaled[odd], axis=1))[1]
    assert nearest > background.notes.eps


def test_a_given_eps_is_used(pixels):
    background = fit(pixels, eps=0.5)
    assert background.notes.eps == 0.5
    with pytest.raises(SettingError, match=r"eps=1e-06: no two pixels"):
        fit(pixels, eps=1e-6)


def test_without_the_other_terms_it_is_a_plain_autoencoder(pixels):
    data = (pixels - pixels.min()) / np.ptp(pixels)
    plain = learn(data, **LEARN | {"adversarial_weight": 0.0, "sparsity_weight": 0.0})
    assert plain.training.terms == ("reconstruction",)
    whole = learn(data, **LEARN)
    assert whole.training.terms == ("reconstruction", "adversarial", "sparsity")
    again = plain.decoder(plain.encoder(data.astype(np.float32)))
    expected = 50 * np.abs(data - again).mean()
    assert plain.training.losses[-1, 0] == pytest.approx(expected, rel=0.2)
    assert plain.training.losses[-1, 0] < plain.training.losses[0, 0]


def test_the_discriminator_stays_bounded(pixels):
    """Weights within the bound bound the features, and with them the adversarial loss."""
    data = (pixels - pixels.min()) / np.ptp(pixels)
    loose, tight = (
        learn(data, **LEARN | {"bound": bound, "rate": 1e-2, "steps": 150}).training.losses[-1, 1]
        for bound in (10.0, 1e-3)
    )
    bands = data.shape[1]
    most = (bands * 1e-3 * np.abs(data).max() + 1e-3) * 6 * 1e-3 + 1e-3
    assert tight < 0.5 * 5 * (2 * most) ** 2
    assert tight < loose


@pytest.mark.parametrize("own", [True, False])
def test_training_moves_every_parameter(pixels, own):
    data = (pixels - pixels.min()) / np.ptp(pixels)
    few, many = (learn(data, **LEARN | {"steps": s, "own_encoder": own}) for s in (1, 30))
    for name in ("encoder", "decoder", "second"):
        before, after = getattr(few, name), getattr(many, name)
        for one, other in zip(before.parameters, after.parameters, strict=True):
            assert (one != other).any()


def test_a_sample_scores_a_larger_scene(rng):
    cube = make_cube(rng, 40, 40, 10)
    cube[30, 31] = rng.uniform(100, 1000, 10)
    pixels = cube.reshape(-1, 10)
    scores = fit(pixels, sample=400, steps=400).score(pixels).reshape(40, 40)
    assert (scores >= scores[30, 31]).sum() <= 3


def test_saved_and_loaded_it_scores_the_same(pixels, tmp_path):
    for settings in ({}, {"second": "own", "strategy": "original"}):
        background = fit(pixels, **settings)
        background.save(tmp_path / "model.npz")
        again = SparseHADBackground.load(tmp_path / "model.npz")
        np.testing.assert_array_equal(again.score(pixels), background.score(pixels))
        for one, other in zip(again.insights(), background.insights(), strict=True):
            np.testing.assert_array_equal(one.values, other.values)


def test_tensors_are_scored_as_arrays_are(pixels):
    background = fit(pixels)
    found = background.score(torch.from_numpy(pixels))
    np.testing.assert_allclose(found.numpy(), background.score(pixels), rtol=1e-3)


@pytest.mark.parametrize(
    "settings",
    [{"latent": 0}, {"eps": 0.0}, {"background_share": 0.0}, {"background_share": 1.5},
     {"bound": 0.0}, {"batch": -1}, {"sample": 5}],
)  # fmt: skip
def test_settings_out_of_range_are_named(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        SparseHAD(**settings)


def test_too_few_or_equal_pixels_are_refused():
    with pytest.raises(InputError, match="at least 2"):
        fit(np.ones((1, 5)))
    with pytest.raises(InputError, match="all valid pixels are equal"):
        fit(np.ones((30, 5)))


def test_published_eps_give_the_sizes_that_the_paper_describes(shared):
    from scipy import io

    from oddspec.learning.coarse import largest_component
    from oddspec.scaling import global01

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
