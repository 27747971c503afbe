"""The cat in the style of gravel: what is lost without the content term, total variation, or the trained weights.

    python experiments/style_transfer.py      # writes lossutils/learn/experiments/style_transfer.json

Five seeds each. They draw the start, and the weights of the random network. The section "Feature and style losses"
shows the table and the pictures of the first seed, and runs the transfer itself.
"""

import base64
import io
import json
import pathlib

import torch
import torch.nn.functional as F
from PIL import Image

from lossutils import feature_loss, style_loss, total_variation_loss
from lossutils.learn import data, features

SEEDS = range(5)
STEPS = 80
CONTENT, VARIATION = 0.1, 0.5
OUT = pathlib.Path(__file__).parent.parent / "lossutils" / "learn" / "experiments" / "style_transfer.json"

# name → (start, weight of the content, weight of the total variation, whether the network is trained)
CASES = {
    "all terms": ("photograph", CONTENT, VARIATION, True),
    "no content term": ("photograph", 0.0, VARIATION, True),
    "no total variation": ("photograph", CONTENT, 0.0, True),
    "from noise": ("noise", CONTENT, VARIATION, True),
    "from noise, no content term": ("noise", 0.0, VARIATION, True),
    "random weights": ("photograph", CONTENT, VARIATION, False),
    "random weights, from noise, no content term": ("noise", 0.0, VARIATION, False),
}


def pictures():
    """Content and style, (1, 3, 96, 96) each."""
    content = F.avg_pool2d(data.photograph("chelsea")[None, :, :288, 80:368], 3)
    return content, F.avg_pool2d(data.photograph("gravel")[None, :, :192, :192], 2)


def start(kind, seeds):
    """One image a seed: the photograph, or grey, with faint noise."""
    noise = [torch.randn(3, 96, 96, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    return 0.01 * torch.stack(noise) + pictures()[0] if kind == "photograph" else 0.5 + 0.05 * torch.stack(noise)


class Distances:
    """Content distance, 0 for the photograph and 1 for the style image; style distance, the other way round."""

    def __init__(self, network):
        self.network = network
        with torch.no_grad():
            self.content, self.style = (network(image) for image in pictures())
        self.base = feature_loss(self.content[3:4], self.style[3:4])
        gaps = [style_loss([a], [b]).item() for a, b in zip(self.content[:4], self.style[:4], strict=True)]
        self.weights = [1 / (4 * gap) for gap in gaps]  # each layer a quarter, at the photograph

    def __call__(self, images):
        maps = self.network(images)[:4]
        many = lambda targets: [t.expand(len(images), -1, -1, -1) for t in targets]  # noqa: E731
        content = feature_loss(maps[3:], many(self.content[3:4]), reduction="none") / self.base
        return content, style_loss(maps, many(self.style[:4]), weights=self.weights, reduction="none")


def transfer(images, distances, content=CONTENT, variation=VARIATION, steps=STEPS):
    images = images.clone().requires_grad_()
    optimiser = torch.optim.Adam([images], lr=0.015)
    for _ in range(steps):
        far, unlike = distances(images)
        rough = total_variation_loss(images, reduction="none") / images[0].numel()
        optimiser.zero_grad()
        (content * far + unlike + variation * rough).sum().backward()
        optimiser.step()
        with torch.no_grad():
            images.clamp_(0, 1)
    return images.detach()


def run(case, seeds, trained):
    """The images of a case, and their content, style and total variation, judged by the trained network.

    A random network's own style distance stands beside: what the descent made small.
    """
    begin, content, variation, is_trained = CASES[case]
    images, own = [], []
    for seed in seeds:
        network = trained if is_trained else Distances(features.random_net(seed))
        images.append(transfer(start(begin, [seed]), network, content, variation))
        own.append(network(images[-1])[1].item())
    images = torch.cat(images)
    with torch.no_grad():
        far, unlike = trained(images)
    rough = total_variation_loss(images, reduction="none") / images[0].numel()
    found = {"content": far.tolist(), "style": unlike.tolist(), "variation": rough.tolist()}
    return images, found if is_trained else found | {"own style": own}


def packed(image, quality=70):
    """A picture (3, H, W) as WebP in base64."""
    stream = io.BytesIO()
    pixels = (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(stream, "WEBP", quality=quality, method=6)
    return base64.b64encode(stream.getvalue()).decode()


def main():
    trained = Distances(features.efficient_net())
    result = {"steps": STEPS, "content": CONTENT, "variation": VARIATION, "seeds": list(SEEDS), "cases": {}}
    for case in CASES:
        images, found = run(case, SEEDS, trained)
        rounded = {key: [float(f"{v:.4g}") for v in values] for key, values in found.items()}
        result["cases"][case] = rounded | {"picture": packed(images[0])}
        print(case, rounded, flush=True)
    OUT.write_text(json.dumps(result) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
