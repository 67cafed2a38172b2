import numpy as np
import pytest
import torch

from oddspec.detectors.learned.lrr_net import LRRNet
from oddspec.detectors.learned.lrr_net_plus import LRRNetPlus
from oddspec.errors import InputError, SettingError
from oddspec.solvers import dictionary as solver
from oddspec.solvers.clusters import cluster
from oddspec.solvers.scene_weights import scene_weights
from oddspec.statistics.scaling import globalz
from oddspec.statistics.summary import Sample

QUICK = {"stages": 6, "epochs": 6}
CLASSES = [LRRNetPlus, LRRNet]
CPU = torch.device("cpu")


@pytest.fixture
def pixels(rng):
    """Four materials in 700 pixels of 20 bands, noise, and an anomalous pixel in place 33."""
    X = rng.dirichlet(np.ones(4), 700) @ rng.uniform(1, 5, (4, 20))
    X += 0.02 * rng.normal(size=X.shape)
    X[33] = 0.7 * X[33] + 0.3 * rng.uniform(1, 5, 20)
    return X


def fit(detector, pixels):
    return detector.fit(detector.summarise(pixels, np.arange(len(pixels))))


def how(learn=True, **changes):
    settings = {"atoms": 10, "rank": 4, "stages": 5, "epochs": 5, "learning_rate": 0.05}
    detector = LRRNetPlus if learn else LRRNet
    return detector(training=10_000, **settings | changes)


def test_untrained_it_is_exactly_so_many_solver_steps(pixels):
    X = globalz(pixels)(pixels)
    weights = scene_weights(X, 15)
    state = solver.start(*cluster(X, 20, 0))
    for _ in range(6):
        constants = solver.Constants(1.0, weights.l3, weights.l2, 1.0)
        state = solver.step(state, X, (X * X).sum(axis=1), constants, balanced=True)
    expected = np.linalg.norm(X - state.codes.L @ state.D, axis=1)
    sample = Sample(1000, 0, np.arange(len(pixels)), pixels)
    found = LRRNetPlus(stages=6, epochs=0).fit(sample).score(pixels)
    # The same steps, but for the rounding of two BLAS libraries.
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("detector", CLASSES)
def test_the_planted_anomaly_is_found(pixels, detector):
    assert fit(detector(**QUICK), pixels).score(pixels).argmax() == 33


@pytest.mark.parametrize("detector", CLASSES)
def test_a_permutation_of_the_pixels_permutes_the_scores(pixels, detector, rng):
    order = rng.permutation(len(pixels))
    scores = fit(detector(**QUICK), pixels).score(pixels)
    permuted = fit(detector(**QUICK), pixels[order]).score(pixels[order])
    np.testing.assert_allclose(permuted, scores[order], rtol=1e-5)


@pytest.mark.parametrize("learnt", [True, False])
@pytest.mark.parametrize("maps", ["tied", "free"])
def test_training_moves_every_constant_and_lowers_the_objective(pixels, learnt, maps):
    plan = how(learn=learnt, maps=maps)
    X = np.asarray(globalz(pixels)(pixels))
    whole = plan.problem(X, CPU)
    network, losses = plan._train(X, whole, CPU, lambda *_: None)
    assert losses.min() < losses[0]
    assert (network.logs != 0).all()
    assert network.names == (("l1", "l3", "mu", "theta") if learnt else ("l3", "mu", "theta"))
    assert len(network.changes) == (0 if maps == "tied" else 3 if learnt else 2)
    for change in network.changes:
        assert (change[-1] != 0).any()
    *_, last = whole.states(network)
    assert float(whole.loss(last).detach()) == pytest.approx(losses.min(), rel=1e-12)


def test_five_trained_stages_do_what_twice_as_many_untrained_ones_do_not(pixels):
    X = np.asarray(globalz(pixels)(pixels))
    plan = how(epochs=60, learning_rate=0.03)
    whole = plan.problem(X, CPU)
    trained, _ = plan._train(X, whole, CPU, lambda *_: None)
    with torch.no_grad():
        *_, ours = whole.states(trained)
        *_, theirs = how(stages=10).problem(X, CPU).states(how(stages=10).network(CPU, 10))
    assert whole.loss(ours) < whole.loss(theirs)


def last_state_and_network(plan, X):
    problem = plan.problem(X, CPU)
    network = plan.network(CPU, len(problem.begin.D))
    *_, last = problem.states(network)
    return problem, network, last


@pytest.mark.parametrize("learnt", [True, False])
def test_the_papers_loss_is_of_the_copy_and_sees_the_background(pixels, learnt):
    """Eq. 22 of X^ = J D + S: what singular value thresholding takes away has a gradient."""
    X = np.asarray(globalz(pixels)(pixels))
    problem, network, last = last_state_and_network(how(learn=learnt, loss="published"), X)
    D, J = (part.detach().numpy() for part in (last.D, last.codes.J))
    S = solver.anomalies(last, problem.X).detach().numpy()
    loss = problem.loss(last)
    assert float(loss.detach()) == pytest.approx(((X - J @ D - S) ** 2).sum() / len(X), rel=1e-12)
    (gradient,) = torch.autograd.grad(loss, network.logs)
    theta = gradient[-1, network.names.index("theta")]
    assert float(theta) > 0.1 * float(loss.detach())


@pytest.mark.parametrize("lambda3", [1e-4, 1e-3])
def test_with_L_in_place_of_the_copy_the_loss_is_lambda3_squared(pixels, lambda3):
    """Once all residuals exceed l3, only l3 itself has a gradient, of 2 l3^2 per e-fold."""
    X = np.asarray(globalz(pixels)(pixels))
    problem, network, last = last_state_and_network(how(loss="mse", lambda3=lambda3), X)
    residuals = torch.linalg.norm(problem.X - last.codes.L @ last.D, dim=1)
    assert residuals.min() > lambda3
    loss = problem.loss(last)
    assert float(loss.detach()) == pytest.approx(lambda3**2, rel=1e-6)
    (gradient,) = torch.autograd.grad(loss, network.logs)
    others = gradient.clone()
    others[-1, network.names.index("l3")] = 0
    assert others.abs().max() < 1e-6 * lambda3**2
    assert float(gradient[-1, 1]) == pytest.approx(2 * lambda3**2, rel=1e-4)


def test_mu_grows_to_its_limit_and_the_multiplier_is_rescaled(pixels):
    """Eq. 13: with mu 1, 1.5, 2, 2, 2 the same steps by hand, U divided by what mu has grown."""
    X = globalz(pixels)(pixels)
    weights = scene_weights(X, 4)._replace(l2=3.0)
    state = solver.start(*cluster(X, 10, 0))
    for mu, growth in [(1.0, 1.5), (1.5, 4 / 3), (2.0, 1.0), (2.0, 1.0), (2.0, 1.0)]:
        constants = solver.Constants(1.0, weights.l3, mu, 3.0 / mu)
        state = solver.step(state, X, (X * X).sum(axis=1), constants, balanced=True)
        state = solver.relaxed(state, growth)
    expected = np.linalg.norm(X - state.codes.L @ state.D, axis=1)
    grown = how(epochs=0, mu=1.0, lambda2=3.0, mu_growth=1.5, mu_limit=2.0)
    background = fit(grown, pixels)
    np.testing.assert_allclose(background.score(pixels), expected, rtol=1e-6)
    assert background.constants[:, 2] == pytest.approx([1.0, 1.5, 2.0, 2.0, 2.0])
    assert background.constants[:, 3] == pytest.approx([3.0, 2.0, 1.5, 1.5, 1.5])


@pytest.mark.parametrize("learnt", [True, False])
def test_a_start_at_the_centres_gives_each_pixel_its_own(pixels, learnt):
    """With next to no penalty but the one that ties L to its start, all keep what they had."""
    X = globalz(pixels)(pixels)
    D, _ = cluster(X, 10, 0)
    L = np.eye(len(D))[((X[:, None] - D) ** 2).sum(axis=2).argmin(axis=1)]
    if learnt:
        D = L.T @ X / L.sum(axis=0)[:, None]
    tied = {"stages": 1, "epochs": 0, "balanced": False, "mu": 1e12, "lambda2": 1e-6, "atoms": 10}
    tied |= {"lambda1": 1e-9} if learnt else {}
    background = fit(how(learn=learnt, start="clusters", **tied), pixels)
    own = np.linalg.norm(X - L @ D, axis=1)
    np.testing.assert_allclose(background.score(pixels), own, rtol=1e-6)
    with pytest.raises(SettingError, match="vanished"):
        fit(how(learn=learnt, **tied), pixels)


@pytest.mark.parametrize("learnt", [True, False])
def test_with_a_start_and_a_growth_other_pixels_get_what_those_of_the_sample_got(pixels, learnt):
    changes = {"start": "clusters", "mu_growth": 1.2, "epochs": 2}
    background = fit(how(learn=learnt, **changes), pixels)
    X = background.scaling(pixels)
    left = (background.score(pixels) ** 2).sum() / (X * X).sum()
    assert background.errors[-1] == pytest.approx(left, rel=1e-9)
    tensors = background.score(torch.tensor(pixels))
    np.testing.assert_allclose(tensors.numpy(), background.score(pixels), rtol=1e-8)


@pytest.mark.parametrize("loss", ["objective", "published"])
def test_training_in_batches_lowers_their_mean_loss(pixels, loss):
    plan = how(loss=loss, batch=100, epochs=3, maps="free", map_rate=0.1, patience=0)
    X = np.asarray(globalz(pixels)(pixels))
    whole = plan.problem(X, CPU)
    network, losses = plan._train(X, whole, CPU, lambda *_: None)
    assert losses.shape == (3,)
    assert losses[-1] < losses[0]
    assert (network.logs != 0).any()


def test_tensors_are_scored_as_arrays_are(pixels):
    background = fit(LRRNetPlus(**QUICK), pixels)
    found = background.score(torch.tensor(pixels))
    np.testing.assert_allclose(found.numpy(), background.score(pixels), rtol=1e-8)


def test_a_sample_gives_nearly_the_ranking_of_the_whole(rng):
    X = rng.dirichlet(np.ones(4), 4000) @ rng.uniform(1, 5, (4, 20))
    X += 0.02 * rng.normal(size=X.shape)
    whole = fit(LRRNetPlus(**QUICK, rank=4), X).score(X)
    part = fit(LRRNetPlus(**QUICK, rank=4, sample=1000), X).score(X)
    assert np.corrcoef(whole, part)[0, 1] > 0.95


def test_what_it_learnt_is_given(pixels):
    background = fit(LRRNetPlus(**QUICK), pixels)
    found = {insight.name: insight for insight in background.insights()}
    assert set(found) == {"dictionary", "anomalies", "constants", "errors", "losses"}
    assert found["constants"].values.shape == (6, 4)
    assert found["anomalies"].values.shape == (10, 20)
    assert found["losses"].values.shape == (6,)
    # The last stage's error is that of the residuals that are scored.
    X = background.scaling(pixels)
    left = (background.score(pixels) ** 2).sum() / (X * X).sum()
    assert found["errors"].values.shape == (6,)
    assert found["errors"].values[-1] == pytest.approx(left, rel=1e-9)


def test_degenerate_scenes_are_refused_or_scored(rng):
    with pytest.raises(InputError, match="equal"):
        fit(LRRNetPlus(**QUICK), np.ones((50, 5)))
    with pytest.raises(InputError, match="at least 2"):
        fit(LRRNetPlus(**QUICK), np.ones((1, 5)))
    two = np.repeat(rng.uniform(1, 2, (2, 6)), 30, axis=0)
    assert np.isfinite(fit(LRRNetPlus(**QUICK), two).score(two)).all()
    exact = rng.dirichlet(np.ones(3), 200) @ rng.uniform(1, 5, (3, 30))
    assert np.isfinite(fit(LRRNetPlus(**QUICK), exact).score(exact)).all()


@pytest.mark.parametrize("detector", CLASSES)
@pytest.mark.parametrize(
    "wrong",
    [
        {"atoms": 0},
        {"stages": 0},
        {"epochs": -1},
        {"lambda3": -1.0},
        {"learning_rate": 0.0},
        {"mu_growth": 0.9},
    ],
)
def test_wrong_settings_are_named(detector, wrong):
    with pytest.raises(SettingError, match=next(iter(wrong))):
        detector(**wrong)


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("maps", ["tied", "free"])
def test_tensors_are_learnt_from_as_arrays_are(pixels, cls, maps):
    detector, index = cls(**QUICK, maps=maps), np.arange(len(pixels))
    tensor = torch.from_numpy(pixels)
    parts = (slice(None, 300), slice(300, None))
    first, second = (detector.summarise(tensor[part], index[part]) for part in parts)
    assert isinstance((first + second).pixels, torch.Tensor)
    background = detector.fit(first + second)
    expected = fit(detector, pixels).score(pixels)
    np.testing.assert_allclose(background.score(pixels), expected, rtol=1e-5)
    np.testing.assert_allclose(background.score(tensor).numpy(), expected, rtol=1e-5)
