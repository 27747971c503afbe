"""Ten losses of GANs on MNIST digits of 14 × 14 pixels: the same networks, the same setting, five seeds, two regimes.

    python experiments/gan_family.py [FOLDER]      # writes lossutils/learn/experiments/gan_family.json

Each run keeps its result in FOLDER, so that a run of hours can be stopped and continued. A small classifier of real
digits, the judge, scores 1,000 generated ones. In the regime "spectral" every layer of the discriminator is divided by
its largest singular value; in "plain" it is free, but for the gradient penalty, which is a part of WGAN-GP. The section
"The family" shows the table and repeats a part of it. What becomes of a critic under the penalty and spectral norm at
once is measured apart: how steep it is, and how near to a straight line.
"""

import base64
import io
import itertools
import json
import pathlib
import sys
import tempfile

import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

import lossutils as lu
from lossutils.learn import data

SEEDS = range(5)
REGIMES = ["plain", "spectral"]
STEPS, SHOTS = 1000, (250, 500, 1000)
BATCH, NOISE, WIDTH, RATE, BETAS = 64, 32, 128, 1e-3, (0.5, 0.999)
PENALTY, WEIGHT = 10.0, 10.0  # λ of the gradient penalty and of the loss-sensitive GAN
SAMPLES, KEPT, LEVELS = 1000, 5, 8  # judged; shown a seed; grey levels of those
OUT = pathlib.Path(__file__).parent.parent / "lossutils" / "learn" / "experiments" / "gan_family.json"


def f_gan(divergence):
    return lambda r, f, x, y, critic: lu.f_gan_discriminator_loss(r, f, divergence=divergence)


# Loss → that of the discriminator, of its outputs, the samples and itself, and that of the generator, of its outputs.
LOSSES = {
    "minimax": (
        lambda r, f, x, y, critic: lu.minimax_discriminator_loss(r, f),
        lambda r, f: lu.minimax_generator_loss(f),
    ),
    "non-saturating": (
        lambda r, f, x, y, critic: lu.minimax_discriminator_loss(r, f),
        lambda r, f: lu.nonsaturating_generator_loss(f),
    ),
    "WGAN-GP": (
        lambda r, f, x, y, critic: lu.wgan_critic_loss(r, f) + PENALTY * lu.gradient_penalty(critic, x, y),
        lambda r, f: lu.wgan_generator_loss(f),
    ),
    "least squares": (
        lambda r, f, x, y, critic: lu.lsgan_discriminator_loss(r, f),
        lambda r, f: lu.lsgan_generator_loss(f),
    ),
    "loss-sensitive": (
        lambda r, f, x, y, critic: lu.loss_sensitive_critic_loss(r, f, (x - y).norm(dim=1), weight=WEIGHT),
        lambda r, f: lu.loss_sensitive_generator_loss(f),
    ),
    "hinge": (
        lambda r, f, x, y, critic: lu.gan_hinge_discriminator_loss(r, f),
        lambda r, f: lu.gan_hinge_generator_loss(f),
    ),
    "relativistic": (
        lambda r, f, x, y, critic: lu.relativistic_discriminator_loss(r, f),
        lu.relativistic_generator_loss,
    ),
    # The paper's generator −g(v) for KL; for the other two the bound itself, which does not saturate more than −g.
    "f-GAN KL": (f_gan("kl"), lambda r, f: lu.wgan_generator_loss(f)),
    "f-GAN reverse KL": (f_gan("reverse_kl"), lambda r, f: lu.f_gan_generator_loss(f, divergence="reverse_kl")),
    "f-GAN total variation": (
        f_gan("total_variation"),
        lambda r, f: lu.f_gan_generator_loss(f, divergence="total_variation"),
    ),
}


def digits():
    """4,000 digits to train on and 1,000 for comparison, 196 pixels in [0, 1], with their labels; float32."""
    mnist = data.mnist()
    x = F.avg_pool2d(mnist.x.float().view(-1, 1, 28, 28) / 255, 2).flatten(1)
    order = torch.randperm(5000, generator=torch.Generator().manual_seed(0))
    train, held = order[:4000], order[4000:]
    return x[train], mnist.y[train], x[held], mnist.y[held]


def train_judge(x, y, epochs=20):
    """A classifier of the digits: `judge[:-1]` gives 64 features, `judge` ten logits."""
    torch.manual_seed(0)
    layers = nn.Linear(196, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
    judge = nn.Sequential(*layers).to(x.dtype)
    optimiser = torch.optim.Adam(judge.parameters(), lr=2e-3, fused=True)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(100):
            optimiser.zero_grad()
            F.cross_entropy(judge(x[batch]), y[batch]).backward()
            optimiser.step()
    return judge.requires_grad_(False)


def frechet(a, b):
    """The Fréchet distance of two Gaussians with the means and covariances of the rows of a and of b."""
    a, b = a.double(), b.double()
    cov_a, cov_b = a.T.cov(), b.T.cov()
    root = torch.linalg.eigvals(cov_a @ cov_b).real.clamp(min=0).sqrt().sum()
    return ((a.mean(0) - b.mean(0)).square().sum() + cov_a.trace() + cov_b.trace() - 2 * root).item()


def judged(judge, samples, reference):
    """The score, the Fréchet distance, how many digits have 2 % of the samples, and how unequal their shares are."""
    log_p = judge(samples).log_softmax(1)
    mean = log_p.exp().mean(0)
    share = torch.bincount(log_p.argmax(1), minlength=10) / len(samples)
    return {
        "score": (log_p.exp() * (log_p - mean.log())).sum(1).mean().exp().item(),
        "frechet": frechet(judge[:-1](samples), judge[:-1](reference)),
        "digits": int((share >= 0.02).sum()),
        "unequal": (share - 0.1).abs().sum().item() / 2,
    }


def networks(regime):
    """Generator and discriminator, each of three linear layers."""
    wrap = nn.utils.parametrizations.spectral_norm if regime == "spectral" else lambda layer: layer
    generator = nn.Sequential(
        nn.Linear(NOISE, WIDTH), nn.BatchNorm1d(WIDTH), nn.ReLU(),
        nn.Linear(WIDTH, WIDTH), nn.BatchNorm1d(WIDTH), nn.ReLU(),
        nn.Linear(WIDTH, 196), nn.Sigmoid(),
    )  # fmt: skip
    critic = nn.Sequential(
        wrap(nn.Linear(196, WIDTH)), nn.LeakyReLU(0.2), wrap(nn.Linear(WIDTH, WIDTH)), nn.LeakyReLU(0.2),
        wrap(nn.Linear(WIDTH, 1)), nn.Flatten(0),
    )  # fmt: skip
    return generator, critic


def train(loss, regime, seed, real, steps=STEPS, shots=SHOTS):
    """One run: step → 1,000 samples, and the critic. Discriminator and generator take one step each in turn."""
    torch.manual_seed(seed)
    generator, critic = networks(regime)
    of_critic, of_generator = LOSSES[loss]
    options = {"lr": RATE, "betas": BETAS, "fused": True}
    slow, fast = (torch.optim.Adam(net.parameters(), **options) for net in (critic, generator))
    seen = {}
    for step in range(1, steps + 1):
        x = real[torch.randint(len(real), (BATCH,))]
        fakes = generator(torch.randn(BATCH, NOISE))
        y = fakes.detach()
        r, f = critic(torch.cat([x, y])).chunk(2)
        slow.zero_grad()
        of_critic(r, f, x, y, critic).backward()
        slow.step()
        critic.requires_grad_(False)
        fast.zero_grad()
        of_generator(critic(x) if loss == "relativistic" else None, critic(fakes)).backward()
        fast.step()
        critic.requires_grad_(True)
        if step in shots:
            generator.eval()
            with torch.no_grad():
                seen[step] = generator(torch.randn(SAMPLES, NOISE))
            generator.train()
    return seen, critic


def straightness(critic, images):
    """The median slope of the scores in the image, and the share of their variance that a linear function explains."""
    at = images.clone().requires_grad_()
    scores = critic.eval()(at)
    slopes = torch.autograd.grad(scores.sum(), at)[0].norm(dim=1)
    pixels, scores = torch.cat([images, torch.ones(len(images), 1)], 1).double(), scores.detach().double()
    fit = pixels @ torch.linalg.lstsq(pixels, scores[:, None], driver="gelsd").solution[:, 0]
    return {"slope": slopes.median().item(), "linear": 1 - ((scores - fit).var() / scores.var()).item()}


def limited(seed, judge, real, held):
    """WGAN-GP with spectral norm: its Fréchet distance, and its critic on real digits and on the last fakes."""
    seen, critic = train("WGAN-GP", "spectral", seed, real)
    samples = seen[STEPS]
    found = {"frechet": frechet(judge[:-1](samples), judge[:-1](real))}
    return found | straightness(critic, torch.cat([held, samples]))


def run(loss, regime, seed, judge, real, **shorter):
    """What the judge says at each shot, whether all samples are finite, and the last few in grey levels."""
    seen = list(train(loss, regime, seed, real, **shorter)[0].values())
    found = [judged(judge, s.nan_to_num(0.5), real) for s in seen]
    levels = (seen[-1][:KEPT].nan_to_num(0.5) * (LEVELS - 1)).round().int().tolist()
    return {
        "shots": {k: [round(one[k], 3) for one in found] for k in found[0]},
        "finite": all(bool(s.isfinite().all()) for s in seen),
        "levels": levels,
    }


def png(rows):
    """Rows of digits in grey levels as one picture, in base64."""
    grid = torch.tensor(rows).view(len(rows), KEPT, 14, 14).permute(0, 2, 1, 3).reshape(14 * len(rows), 14 * KEPT)
    grey = (grid * 255 / (LEVELS - 1)).round().byte().numpy()
    out = io.BytesIO()
    Image.fromarray(grey).save(out, format="PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    real, labels, held, held_labels = digits()
    judge = train_judge(real, labels)
    table = {regime: {loss: [] for loss in LOSSES} for regime in REGIMES}
    for seed, regime, loss in itertools.product(SEEDS, REGIMES, LOSSES):
        file = folder / f"{regime} {loss} {seed}.json"
        if not file.exists():
            file.write_text(json.dumps(run(loss, regime, seed, judge, real)), encoding="utf-8")
        table[regime][loss].append(json.loads(file.read_text(encoding="utf-8")))

    limits = []
    for seed in SEEDS:
        file = folder / f"both limits {seed}.json"
        if not file.exists():
            file.write_text(json.dumps(limited(seed, judge, real, held)), encoding="utf-8")
        limits.append(json.loads(file.read_text(encoding="utf-8")))

    def each(what):
        return {regime: {loss: what(runs) for loss, runs in rows.items()} for regime, rows in table.items()}

    result = {
        "seeds": list(SEEDS),
        "steps": list(SHOTS),
        "judge": (judge(held).argmax(1) == held_labels).float().mean().item(),
        "held": judged(judge, held, real),
        "runs": each(lambda runs: {k: [one["shots"][k] for one in runs] for k in runs[0]["shots"]}),
        "finite": each(lambda runs: [one["finite"] for one in runs]),
        "pictures": each(lambda runs: png([one["levels"] for one in runs])),
        "both limits": {k: [round(one[k], 4) for one in limits] for k in limits[0]},
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.gettempdir()) / "gan_family")
