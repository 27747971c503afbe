"""The code exercises of the section "Feature and style losses"."""

import torch

from lossutils.learn.exercises import Edge, Exercise, Wrong


def gram_of_map(features):
    """Σ over places of the products of every two channels, divided by C·H·W: (C, C)."""
    channels, height, width = features.shape
    rows = []
    for c in range(channels):
        rows.append(torch.stack([(features[c] * features[d]).sum() for d in range(channels)]))
    return torch.stack(rows) / (channels * height * width)


def mmd_of_places(x, y):
    """The squared maximum mean discrepancy of the rows of x and those of y, under the kernel (a · b)²."""

    def mean_kernel(p, q):
        total = 0.0
        for a in p:
            for b in q:
                total = total + (a * b).sum() ** 2
        return total / (len(p) * len(q))

    return mean_kernel(x, x) - 2 * mean_kernel(x, y) + mean_kernel(y, y)


def variation_of(image):
    """Σ |below − above| + Σ |right − left| over the neighbours of an image (H, W)."""
    height, width = image.shape
    total = image.sum() * 0
    for h in range(height):
        for w in range(width):
            if h > 0:
                total = total + (image[h, w] - image[h - 1, w]).abs()
            if w > 0:
                total = total + (image[h, w] - image[h, w - 1]).abs()
    return total


def _rows(features):
    return features.flatten(1)


def _kernels(x, y):
    return [(a @ b.T) ** 2 for a, b in ((x, x), (x, y), (y, y))]


def _off_diagonal(table):
    n = len(table)
    return (table.sum() - table.diagonal().sum()) / (n * (n - 1)) if n > 1 else table.mean()


def _normal(generator, *shape):
    drawn = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return (drawn * 10).round() / 10 + 0.01 * torch.arange(drawn.numel()).view(shape)


EXERCISES = [
    Exercise(
        "gram_of_map",
        gram_of_map,
        cases=[([[[1.0, 2.0]], [[3.0, 0.0]]],), ([[[1.0, -1.0], [2.0, 0.5]]],)],
        draw=lambda g, n: (_normal(g, 1 + n % 3, 1 + n, 2 + n % 2),),
        edges=[Edge("a map with a single place", ([[[2.0]], [[-3.0]]],))],
        wrong=[
            Wrong(
                lambda features: _rows(features) @ _rows(features).T,
                "this looks like the sums themselves: an image twice as wide would have a matrix twice as large.",
            ),
            Wrong(
                lambda features: _rows(features) @ _rows(features).T / _rows(features).shape[1],
                "this looks like the mean over places, as some code has it. Johnson's divisor has one factor more.",
            ),
            Wrong(
                lambda features: torch.cov(_rows(features), correction=0).reshape(len(features), -1) / len(features),
                "this looks as if each channel's mean were subtracted: a covariance. A Gram matrix keeps the mean.",
            ),
            Wrong(
                lambda features: (
                    features.reshape(-1, len(features)).T @ features.reshape(-1, len(features)) / features.numel()
                ),
                "this looks as if the map were reshaped to (H·W, C). reshape keeps the order in memory, where a "
                "channel lies in one piece: rows of your matrix mix the channels.",
            ),
            Wrong(
                lambda features: _rows(features) @ _rows(features).T / features.numel() ** 2,
                "this looks as if it were divided twice, or as if the divisor of the squared distance had come in.",
            ),
            Wrong(
                lambda features: torch.einsum("chw,dhw->cd", features, features).abs() / features.numel(),
                "right but for the signs. Two features that exclude each other have a negative entry.",
            ),
        ],
        gradient=("features",),
    ),
    Exercise(
        "mmd_of_places",
        mmd_of_places,
        cases=[([[1.0, 2.0]], [[0.0, 1.0]]), ([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]], [[1.0, 1.0], [2.0, 0.0]])],
        draw=lambda g, n: (_normal(g, 1 + n, 2), _normal(g, 2 + n % 3, 2)),
        wrong=[
            Wrong(
                lambda x, y: sum(s * k.sum() for s, k in zip((1, -2, 1), _kernels(x, y), strict=True)),
                "this looks like sums over the pairs. With other numbers of places in x and in y they do not cancel "
                "even where both have the same distribution.",
            ),
            Wrong(
                lambda x, y: sum(s * k.mean() for s, k in zip((1, -1, 1), _kernels(x, y), strict=True)),
                "this looks as if the mixed pairs counted once. In a square of a difference they come twice.",
            ),
            Wrong(
                lambda x, y: (x.mean(0) - y.mean(0)).square().sum(),
                "this looks like the kernel a · b, which sees the means of the channels only. Here it is squared.",
            ),
            Wrong(
                lambda x, y: (
                    _off_diagonal(_kernels(x, y)[0]) - 2 * _kernels(x, y)[1].mean() + _off_diagonal(_kernels(x, y)[2])
                ),
                "this looks like the unbiased form, without the pairs of a place with itself. It may be negative; the "
                "one asked for is a square.",
            ),
            Wrong(
                lambda x, y: (
                    sum(s * k.mean() for s, k in zip((1, -2, 1), _kernels(x, y), strict=True)).clamp(min=0).sqrt()
                ),
                "this looks like the discrepancy itself. Its square is asked for.",
            ),
            Wrong(
                lambda x, y: sum(
                    s * ((a @ b.T + 1) ** 2).mean() for s, a, b in zip((1, -2, 1), (x, x, y), (x, y, y), strict=True)
                ),
                "this looks like the kernel (a · b + 1)², which adds twice the distance of the means.",
            ),
        ],
        gradient=("x", "y"),
    ),
    Exercise(
        "variation_of",
        variation_of,
        cases=[([[0.0, 1.0], [5.0, 3.0]],), ([[1.0, 4.0, 2.0]],)],
        draw=lambda g, n: (_normal(g, 1 + n, 2 + n % 3),),
        edges=[Edge("a flat image", ([[2.0, 2.0], [2.0, 2.0]],), "finite"), Edge("a single pixel", ([[3.0]],))],
        wrong=[
            Wrong(
                lambda image: image.diff(dim=0).square().sum() + image.diff(dim=1).square().sum(),
                "this looks like squared differences: a jump of 2 then costs more than two steps of 1: edges blur.",
            ),
            Wrong(
                lambda image: (image - image.roll(1, 0)).abs().sum() + (image - image.roll(1, 1)).abs().sum(),
                "this looks as if the last row were a neighbour of the first: roll goes round the edge.",
            ),
            Wrong(
                lambda image: image.diff(dim=0).sum() + image.diff(dim=1).sum(),
                "this looks like differences with their signs. Up and down then cancel.",
            ),
            Wrong(
                lambda image: (
                    image.diff(dim=0).abs().mean() + image.diff(dim=1).abs().mean()
                    if min(image.shape) > 1
                    else (image.diff(dim=0).abs().sum() + image.diff(dim=1).abs().sum()) / max(image.numel() - 1, 1)
                ),
                "this looks like two means, over the differences down and over those across. The sum is asked for.",
            ),
            Wrong(
                lambda image: (
                    (image[1:, 1:] - image[:-1, 1:]).abs().sum() + (image[1:, 1:] - image[1:, :-1]).abs().sum()
                ),
                "this looks as if the first row and the first column had lost their neighbours: slices cut to one "
                "common shape leave differences out.",
            ),
            Wrong(
                lambda image: torch.sqrt(
                    torch.nn.functional.pad(image.diff(dim=0), (0, 0, 0, 1)) ** 2
                    + torch.nn.functional.pad(image.diff(dim=1), (0, 1)) ** 2
                ).sum(),
                "this looks like the isotropic form, the length of each pixel's gradient. Its gradient is NaN where "
                "two neighbours are equal; here the two directions are added.",
            ),
            Wrong(
                lambda image: image.diff(dim=0).abs().sum(),
                "this looks like one direction only.",
            ),
        ],
        gradient=("image",),
    ),
]
