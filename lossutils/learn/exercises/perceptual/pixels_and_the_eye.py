"""The code exercises of the section "Pixels disagree with the eye"."""

import torch
from torch.nn import functional as F

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers


def scale_to_mse(image, distorted, mse):
    """The picture on the line from the image through the distorted one whose MSE to the image is ``mse``."""
    found = sum((d - x) ** 2 for x, d in zip(image, distorted, strict=True)) / len(image)
    factor = (mse / found) ** 0.5
    return torch.stack([x + factor * (d - x) for x, d in zip(image, distorted, strict=True)])


def ssim_window(x, y):
    """SSIM of one window whose pixels all weigh the same, for values in [0, 1]."""
    n = len(x)
    mean_x, mean_y = sum(x) / n, sum(y) / n
    variance_x = sum((a - mean_x) ** 2 for a in x) / n
    variance_y = sum((b - mean_y) ** 2 for b in y) / n
    covariance = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / n
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return luminance * (2 * covariance + c2) / (variance_x + variance_y + c2)


def unit_distance(f, g):
    """LPIPS without its learned weights, for one layer: maps of shape (channels, places)."""
    total = 0.0
    for a, b in zip(f.T, g.T, strict=True):  # the channels of one place
        a, b = (v / v.norm().clamp(min=1e-12) for v in (a, b))
        total = total + ((a - b) ** 2).sum()
    return total / f.shape[1]


def _window(x, y, c1=1e-4, c2=9e-4, correction=0, contrast=True):
    mean_x, mean_y = x.mean(), y.mean()
    n = len(x) - correction
    var_x, var_y = ((x - mean_x) ** 2).sum() / n, ((y - mean_y) ** 2).sum() / n
    cov = ((x - mean_x) * (y - mean_y)).sum() / n
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    if not contrast:  # luminance times structure
        return luminance * (cov + c2 / 2) / ((var_x * var_y).sqrt() + c2 / 2)
    return luminance * (2 * cov + c2) / (var_x + var_y + c2)


def _means(x, y):
    return (2 * x.mean() * y.mean() + 1e-4) / (x.mean() ** 2 + y.mean() ** 2 + 1e-4)


def _squares(f, g):
    return ((f - g) ** 2).sum(0).mean()


def _pixels(generator, n):
    """n + 2 numbers between 0 and 1 that are not all equal."""
    return numbers(generator, n + 2, 0, 8) / 10 + 0.03 * torch.arange(n + 2)


def _map(generator, n):
    return numbers(generator, 3 * (n + 1), -2, 2, 0.033).view(3, n + 1)


EXERCISES = [
    Exercise(
        "scale_to_mse",
        scale_to_mse,
        cases=[([0.5, 0.5], [0.6, 0.6], 0.04), ([0.2, 0.4, 0.6], [0.3, 0.4, 0.4], 0.01)],
        draw=lambda g, n: (numbers(g, n + 1, 0, 1), numbers(g, n + 1, 0, 1, 0.033), 0.01 * n),
        wrong=[
            Wrong(
                lambda image, distorted, mse: image + mse / ((distorted - image) ** 2).mean() * (distorted - image),
                "this looks as if the MSE grew in proportion to the distortion. It is a mean of squares.",
            ),
            Wrong(
                lambda image, distorted, mse: (
                    image + (mse / ((distorted - image) ** 2).sum()).sqrt() * (distorted - image)
                ),
                "this looks like a sum of squares that is brought to the level. The M of MSE is missing.",
            ),
            Wrong(
                lambda image, distorted, mse: (mse / ((distorted - image) ** 2).mean()).sqrt() * distorted,
                "this looks as if the whole picture were multiplied. What is it that is too large or too small?",
            ),
            Wrong(
                lambda image, distorted, mse: (mse / ((distorted - image) ** 2).mean()).sqrt() * (distorted - image),
                "this looks like the error alone, of the right size. The picture that it belongs to is missing.",
            ),
            Wrong(
                lambda image, distorted, mse: (
                    image + (((distorted - image) ** 2).mean() / mse).sqrt() * (distorted - image)
                ),
                "this looks like the inverse of the factor: a distortion that is too strong gets stronger.",
            ),
            Wrong(
                lambda image, distorted, mse: (
                    distorted + (mse / ((distorted - image) ** 2).mean()).sqrt() * (distorted - image)
                ),
                "this looks as if the scaled error were added to the distorted picture, which has an error already.",
            ),
        ],
    ),
    Exercise(
        "ssim_window",
        ssim_window,
        cases=[([0.2, 0.4], [0.4, 0.2]), ([0.1, 0.5, 0.6], [0.2, 0.5, 0.8])],
        draw=lambda g, n: (_pixels(g, n), _pixels(g, n)),
        edges=[
            Edge("flat windows", ([0.3, 0.3, 0.3], [0.5, 0.5, 0.5])),
            Edge("black windows", ([0.0, 0.0], [0.0, 0.0])),
        ],
        wrong=[
            Wrong(
                lambda x, y: _window(x, y, correction=1),
                "this looks like variances divided by n − 1. SSIM takes the window for all there is.",
            ),
            Wrong(
                lambda x, y: _window(x, y, c1=0.0, c2=0.0),
                "this looks like SSIM without its constants: right in spirit, and 0/0 in a flat or a black window.",
            ),
            Wrong(
                lambda x, y: _window(x, y, c1=6.5025, c2=58.5225),
                "this looks like the constants for bytes from 0 to 255. They drown everything here.",
            ),
            Wrong(
                lambda x, y: _window(x, y, c1=0.01, c2=0.03),
                "this looks as if 0.01 and 0.03 were the constants themselves; a variance has squared units.",
            ),
            Wrong(
                lambda x, y: 1 - _window(x, y),
                "this looks like the loss, 1 − SSIM. The similarity itself is asked for.",
            ),
            Wrong(
                lambda x, y: _window(x, y, contrast=False),
                "this looks like luminance times structure: a pattern of half the contrast costs nothing.",
            ),
            Wrong(
                lambda x, y: _window(x, y) / _means(x, y),
                "this looks like contrast and structure alone: a change of brightness costs nothing.",
            ),
            Wrong(
                lambda x, y: _means(x, y),
                "this looks like the luminance alone: any pattern of the same mean is taken for equal.",
            ),
        ],
        gradient=("x",),
    ),
    Exercise(
        "unit_distance",
        unit_distance,
        cases=[
            ([[1.0, 0.0], [0.0, 2.0]], [[2.0, 3.0], [0.0, 0.0]]),
            ([[3.0], [4.0]], [[4.0], [3.0]]),
        ],
        draw=lambda g, n: (_map(g, n), _map(g, n)),
        edges=[Edge("a place where every channel is 0", ([[0.0, 1.0], [0.0, 1.0]], [[1.0, 1.0], [1.0, 0.0]]))],
        wrong=[
            Wrong(
                lambda f, g: _squares(f, g),
                "this looks like the plain feature distance: doubling all features of one picture should cost nothing.",
            ),
            Wrong(
                lambda f, g: _squares(F.normalize(f, dim=1), F.normalize(g, dim=1)),
                "this looks like channels normalised over all places. Which numbers make up one vector here?",
            ),
            Wrong(
                lambda f, g: _squares(f / f.norm(), g / g.norm()),
                "this looks like one norm for the whole map: bright places would outvote dark ones.",
            ),
            Wrong(
                lambda f, g: ((F.normalize(f, dim=0) - F.normalize(g, dim=0)) ** 2).mean(),
                "this looks like the mean over channels as well; LPIPS sums over them and averages over places.",
            ),
            Wrong(
                lambda f, g: ((F.normalize(f, dim=0) - F.normalize(g, dim=0)) ** 2).sum(),
                "this looks like a sum over places: a picture of twice the size would be twice as far.",
            ),
            Wrong(
                lambda f, g: (F.normalize(f, dim=0) - F.normalize(g, dim=0)).norm(dim=0).mean(),
                "this looks like distances that were not squared.",
            ),
            Wrong(
                lambda f, g: _squares(f / f.norm(dim=0), g / g.norm(dim=0)),
                "right, until a place has no activation at all: then it is 0/0.",
            ),
        ],
    ),
]
