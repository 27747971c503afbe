"""Seven distortions of thirteen photographs at one MSE a photograph: what SSIM and two kinds of network make of them.

    python experiments/equal_mse.py      # writes lossutils/learn/experiments/equal_mse.json

The level is the MSE of the photograph moved by one pixel, and the other six are brought to it. Measured are 1 − SSIM,
the squared feature distance at six depths of EfficientNet-Lite0, plain and with the channels of each place normalised,
and the plain one in five networks with random weights. A second table asks how a sharp guess at a picture of unknown
place compares with the blurred mean of all places. The section "Pixels disagree with the eye" shows both.
"""

import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from scipy.fft import dctn, idctn
from scipy.ndimage import gaussian_filter
from scipy.optimize import brentq

from lossutils import ssim_loss
from lossutils.learn import data, features

# All that `data.photograph` has, but for the two scans of print and "cat", which is "chelsea" once more.
NAMES = [name for name in data.PHOTOGRAPHS if name not in ("cat", "page", "text")]
SEEDS = range(5)
SIDE, REACH = 192, 2
OUT = pathlib.Path(__file__).parent.parent / "lossutils" / "learn" / "experiments" / "equal_mse.json"


def square(name, side):
    """The middle square of a photograph, at ``side`` pixels and 8 more all around."""
    photo = data.photograph(name).double()
    side_now = min(photo.shape[1:])
    top, left = ((n - side_now) // 2 for n in photo.shape[1:])
    photo = photo[:, top : top + side_now, left : left + side_now]
    return F.interpolate(photo[None], (side + 16, side + 16), mode="bilinear", antialias=True)[0]


def window(big, right=0, down=0):
    """What a camera sees that stands so many pixels further left and up."""
    return big[:, 8 - down : big.shape[1] - 8 - down, 8 - right : big.shape[2] - 8 - right]


def noisy(x, size):
    return x + size * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).double()


def blurred(x, width):
    return torch.tensor(gaussian_filter(x.numpy(), (0, width, width)))


def blocky(x, step):
    """The cosine transform of each 8 × 8 block, rounded to multiples of a step, as JPEG does."""
    tiles = x.unflatten(1, (-1, 8)).unflatten(3, (-1, 8)).numpy()
    waves = dctn(tiles, axes=(2, 4), norm="ortho")
    tiles = idctn(step * np.round(waves / step), axes=(2, 4), norm="ortho")
    return torch.tensor(tiles).flatten(3, 4).flatten(1, 2)


def patched(x, side):
    """A grey square in the middle; the pixels at its edge are covered in part."""
    middle = (x.shape[-1] - 1) / 2
    inside = (side / 2 + 0.5 - (torch.arange(x.shape[-1]) - middle).abs()).clamp(0, 1)
    return x + inside[:, None] * inside * (0.5 - x)


# A picture and a strength give a picture; the largest strength that is tried.
DISTORTIONS = {
    "brighter": (lambda x, t: x + t, 1.0),
    "less contrast": (lambda x, t: x + t * (x.mean() - x), 1.0),
    "noise": (noisy, 2.0),
    "blur": (blurred, 8.0),
    "blocks": (blocky, 4.0),
    "patch": (patched, SIDE),
}
KINDS = ["moved", *DISTORTIONS]


def at_level(x, kind, level):
    """The picture, distorted so far that its MSE is the level."""
    function, most = DISTORTIONS[kind]

    def error_at(t):
        return function(x, t).clamp(0, 1) - x

    error = error_at(brentq(lambda t: error_at(t).square().mean().item() / level - 1, 1e-6, most, xtol=1e-12))
    return x + error * (level / error.square().mean()).sqrt()  # the last digits


def seven(big):
    """The picture, and its seven distortions (7, 3, H, W)."""
    x, moved = window(big), window(big, right=1)
    level = (moved - x).square().mean().item()
    return x, torch.stack([moved] + [at_level(x, kind, level) for kind in DISTORTIONS])


def by_depth(maps):
    """The first image's squared distance from each of the others, (6, N − 1)."""
    return torch.stack([(m[1:] - m[:1]).square().mean((1, 2, 3)) for m in maps])


def photograph(name, networks):
    """All measures of the seven pictures of one photograph; of the networks the first is the trained one."""
    x, pictures = seven(square(name, SIDE))
    batch = torch.cat([x[None], pictures])
    maps = [network(batch.float()) for network in networks]
    unit = [F.normalize(m, dim=1) for m in maps[0]]
    return {
        "mse": (pictures - x).square().mean((1, 2, 3))[0].item(),
        "ssim": ssim_loss(pictures, x.expand_as(pictures), reduction="none").tolist(),
        "trained": by_depth(maps[0]).tolist(),
        "unit": torch.stack([(m[1:] - m[:1]).square().sum(1).mean((1, 2)) for m in unit]).tolist(),
        "random": [by_depth(m).tolist() for m in maps[1:]],
    }


def unknown_place(name, network, side=128):
    """The picture may stand anywhere within 2 pixels. The expected loss of one of these, over that of their mean."""
    big, steps = square(name, side), range(-REACH, REACH + 1)
    copies = torch.stack([window(big, i, j) for i in steps for j in steps])
    mean = copies.mean(0, keepdim=True)
    ratios = []
    sharp, centre, blur = (
        [ssim_loss(guess.expand_as(copies), copies).item() for guess in guesses]
        for guesses in (copies, copies[12:13], mean)
    )
    for m in network(torch.cat([copies, mean]).float()):
        m = m.double()
        spread = (m[:-1] - m[:-1].mean(0)).square().mean()
        ratios.append((2 * spread / (m[:-1] - m[-1]).square().mean()).item())
    pixels = copies - mean
    return {
        "mse": (2 * pixels.square().mean() / pixels.square().mean()).item(),
        "ssim": float(np.mean(sharp)) / blur[0],
        "ssim of the middle": centre[0] / blur[0],
        "features": ratios,
    }


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    return [rounded(one) for one in value] if isinstance(value, list) else float(f"{value:.4g}")


def main():
    networks = [features.efficient_net(), *(features.random_net(seed) for seed in SEEDS)]
    result = {
        "names": NAMES, "kinds": KINDS, "layers": list(features.LAYERS),
        "photographs": [rounded(photograph(name, networks)) for name in NAMES],
        "unknown_place": [rounded(unknown_place(name, networks[0])) for name in NAMES],
    }  # fmt: skip
    OUT.write_text(json.dumps(result) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
