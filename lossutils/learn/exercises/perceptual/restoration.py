"""The code exercises of the section "Restoration: pixel loss against perceptual loss"."""

import math

import torch

from lossutils.learn.exercises import Exercise, Wrong, numbers


def psnr_of(image, target, data_range):
    """The peak signal-to-noise ratio in decibels."""
    mse = sum((a - b) ** 2 for a, b in zip(image, target, strict=True)) / len(image)
    return 10 * (2 * math.log10(data_range) - torch.log10(mse))


def mean_psnr(errors):
    """The mean of the PSNRs of images in [0, 1] whose mean squared errors are given."""
    return sum(-10 * torch.log10(e) for e in errors) / len(errors)


def mean_and_draw(values, chances):
    """The expected squared error of the best answer for one pixel, and that of a value drawn by its chance."""
    mean = sum(p * v for v, p in zip(values, chances, strict=True))
    best = sum(p * (v - mean) ** 2 for v, p in zip(values, chances, strict=True))
    draw = sum(
        q * p * (w - v) ** 2 for w, q in zip(values, chances, strict=True) for v, p in zip(values, chances, strict=True)
    )
    return torch.stack([best, draw])


def _mse(image, target):
    return (image - target).square().mean()


def _chances(generator, n):
    drawn = torch.randint(1, 10, (n,), generator=generator).double()
    return drawn / drawn.sum()


def _best(values, chances):
    return (chances * (values - (chances * values).sum()).square()).sum()


EXERCISES = [
    Exercise(
        "psnr_of",
        psnr_of,
        cases=[([0.0, 0.0], [1.0, 0.0], 1.0), ([100.0, 50.0, 0.0], [110.0, 50.0, 4.0], 255.0)],
        draw=lambda g, n: (numbers(g, n + 1, 0, 200), numbers(g, n + 1, 0, 200, 0.05), [255.0, 200.0][n % 2]),
        wrong=[
            Wrong(
                lambda image, target, data_range: -10 * torch.log10(_mse(image, target)),
                "this looks like the PSNR of images whose range is 1, whatever the range handed over.",
            ),
            Wrong(
                lambda image, target, data_range: 10 * torch.log10(data_range / _mse(image, target)),
                "this looks as if the range itself stood over the squared error. The fraction must have no unit: grey "
                "levels over squared grey levels has one.",
            ),
            Wrong(
                lambda image, target, data_range: 20 * torch.log10(data_range**2 / _mse(image, target)),
                "this looks like 20 where the squares are already inside the logarithm. Count the square once.",
            ),
            Wrong(
                lambda image, target, data_range: 10 * torch.log10(data_range / _mse(image, target).sqrt()),
                "this looks like 10 times the logarithm of a ratio of amplitudes. A decibel is a tenth of a bel of "
                "power: squares.",
            ),
            Wrong(
                lambda image, target, data_range: 10 * torch.log(data_range**2 / _mse(image, target)),
                "this looks like the natural logarithm. Decibels count powers of ten.",
            ),
            Wrong(
                lambda image, target, data_range: 10 * torch.log10(data_range**2 / (image - target).square().sum()),
                "this looks like the sum of the squared errors: a larger picture would be a worse one.",
            ),
            Wrong(
                lambda image, target, data_range: 10 * torch.log10(image.max() ** 2 / _mse(image, target)),
                "this looks as if the peak were the brightest pixel of this image. It is the largest value that a "
                "pixel could take.",
            ),
        ],
        gradient=("image",),
    ),
    Exercise(
        "mean_psnr",
        mean_psnr,
        cases=[([0.1, 0.001],), ([0.01, 0.01, 0.0001],)],
        draw=lambda g, n: (10 ** -numbers(g, n + 1, 1, 4),),
        wrong=[
            Wrong(
                lambda errors: -10 * torch.log10(errors.mean()),
                "this looks like the PSNR of the mean error: one number for all pixels together, in which the worst "
                "image counts most. The mean of the images' own PSNRs is asked for.",
            ),
            Wrong(
                lambda errors: -10 * torch.log10(errors.sum()),
                "this looks like the PSNR of the summed errors.",
            ),
            Wrong(
                lambda errors: -10 * torch.log10(errors).sum(),
                "this looks like the sum of the PSNRs. A second test image does not double the quality.",
            ),
            Wrong(
                lambda errors: -10 * torch.log(errors).mean(),
                "this looks like the natural logarithm. Decibels count powers of ten.",
            ),
            Wrong(
                lambda errors: -20 * torch.log10(errors).mean(),
                "this looks like 20 where the errors are squared already.",
            ),
            Wrong(
                lambda errors: -10 * torch.log10(errors.sqrt().mean()) * 2,
                "this looks like the PSNR of the mean RMSE. Which comes first, the logarithm or the mean?",
            ),
        ],
        gradient=("errors",),
    ),
    Exercise(
        "mean_and_draw",
        mean_and_draw,
        cases=[([0.0, 1.0], [0.5, 0.5]), ([0.0, 1.0], [0.75, 0.25]), ([0.0, 1.0, 4.0], [0.5, 0.25, 0.25])],
        draw=lambda g, n: (numbers(g, n + 1, 0, 9), _chances(g, n + 1)),
        wrong=[
            Wrong(
                lambda values, chances: values.var(correction=0) * torch.tensor([1.0, 2.0], dtype=torch.float64),
                "this looks as if all values were equally likely. The chances belong in the mean and in the variance.",
            ),
            Wrong(
                lambda values, chances: _best(values, chances) * torch.tensor([1.0, 1.0], dtype=torch.float64),
                "this looks as if a drawn value cost as much as the best answer. It misses the truth by its own "
                "distance from the mean as well.",
            ),
            Wrong(
                lambda values, chances: _best(values, chances) * torch.tensor([1.0, 4.0], dtype=torch.float64),
                "this looks as if the two distances added before they are squared. They are independent: what happens "
                "to the product?",
            ),
            Wrong(
                lambda values, chances: (
                    torch.stack([torch.ones_like(values[0]), 2 * torch.ones_like(values[0])])
                    * (chances * values.square()).sum()
                ),
                "this looks like the mean square, measured from 0. From where are the errors measured?",
            ),
            Wrong(
                lambda values, chances: (
                    _best(values, chances).sqrt() * torch.tensor([1.0, 2.0**0.5], dtype=torch.float64)
                ),
                "this looks like standard deviations. The squared error is asked for.",
            ),
            Wrong(
                lambda values, chances: torch.stack([_best(values, chances), 2 * values.var(correction=0)]),
                "this looks as if the draw did not follow the chances.",
            ),
        ],
    ),
]
