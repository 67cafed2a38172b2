import itertools

import pytest

from oddspec.products.charts import chart, log_axis


@pytest.mark.parametrize("low", [1e-4, 0.012, 0.7, 130.0])
@pytest.mark.parametrize("factor", [1.4, 3.0, 12.0, 60.0, 400.0, 1e4, 1e9])
def test_labels_of_a_logarithmic_axis_do_not_overlap(low, factor):
    figure, axes = chart()
    axes.set_xscale("log")
    axes.set_xlim(low, factor * low)
    log_axis(axes.xaxis)
    figure.canvas.draw()
    labels = axes.get_xticklabels() + axes.get_xticklabels(minor=True)
    places = [*axes.get_xticks(), *axes.get_xticks(minor=True)]
    shown = [
        label
        for label, place in zip(labels, places, strict=True)
        if label.get_text() and low <= place <= factor * low
    ]
    assert shown
    boxes = sorted((box.x0, box.x1) for box in (label.get_window_extent() for label in shown))
    assert all(end < start for (_, end), (start, _) in itertools.pairwise(boxes))


def test_values_given_are_the_ticks_if_they_are_few():
    _, axes = chart()
    axes.set_xscale("log")
    axes.set_xlim(1, 300)
    log_axis(axes.xaxis, [1, 30, 300])
    assert axes.get_xticks().tolist() == [1, 30, 300]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "30", "300"]
