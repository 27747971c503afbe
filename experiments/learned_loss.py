"""A loss that is learned by gradient through training, and judged where it was not learned.

    python experiments/learned_loss.py      # writes lossutils/learn/experiments/learned_loss.json

A rule says by its curve w(p) how hard a sample pulls whose label has probability p: the gradient by the scores is
w(p) (softmax - one hot), and in each step the weights are divided by their sum, so that the size of w has no effect.
Cross entropy has w = 1, mean absolute error w = p, generalized cross entropy w = p^q. The learned curve has eleven
knots. Adam moves their logarithms down the gradient of the cross entropy on 100 right labels, taken through 100 steps
of a linear model on 500 digits of which 40 % carry a wrong label. Then the curve is frozen and meets other splits,
shares and kinds of wrong labels, longer training, other pictures and a network. All errors are percent of unseen
digits with right labels. The section "Where the field goes" shows the record and repeats one seed.
"""

import json
import pathlib

import torch
from torch.nn import functional as F

from lossutils.learn import data

SEEDS, RIGHT, TRAIN, KNOTS = range(5), 100, 500, 11
STEPS, RATE, META_STEPS, META_RATE = 100, 1.0, 60, 0.1
POWERS = torch.tensor(
    [0.0, 0.3, 0.5, 0.7, 0.85, 1.0], dtype=torch.float64
)  # q of generalized cross entropy; 0 is cross entropy
SETTINGS = {  # name → pictures, share of wrong labels, their kind, steps, model
    "as learned": ("digits", 0.4, "any", 100, "linear"),
    "no wrong labels": ("digits", 0.0, "any", 100, "linear"),
    "20 % wrong": ("digits", 0.2, "any", 100, "linear"),
    "60 % wrong": ("digits", 0.6, "any", 100, "linear"),
    "40 % to the next digit": ("digits", 0.4, "next", 100, "linear"),
    "ten times longer": ("digits", 0.4, "any", 1000, "linear"),
    "MNIST": ("mnist", 0.4, "any", 100, "linear"),
    "a network": ("digits", 0.4, "any", 300, "network"),
}
OUT = pathlib.Path(__file__).parent.parent / "lossutils" / "learn" / "experiments" / "learned_loss.json"


def pictures(name):
    """Pixels in [0, 1] and a column of ones; labels."""
    if name == "digits":
        digits = data.digits()
        x = digits.x / 16
    else:
        digits = data.mnist()
        x = F.avg_pool2d(digits.x.view(-1, 1, 28, 28) / 255, 2).flatten(1)
    return torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1), digits.y


def split(seed, share=0.4, kind="any", name="digits"):
    """Three pairs (x, y): 500 to train on, a share of their labels wrong; 100 right ones; the rest, to judge."""
    (x, y), g = pictures(name), torch.Generator().manual_seed(seed)
    order = torch.randperm(len(y), generator=g)
    train, right, test = order[:TRAIN], order[TRAIN : TRAIN + RIGHT], order[TRAIN + RIGHT :][:1000]
    wrong = torch.rand(TRAIN, generator=g) < share
    move = torch.randint(1, 10, (TRAIN,), generator=g) if kind == "any" else 1
    return (x[train], torch.where(wrong, (y[train] + move) % 10, y[train])), (x[right], y[right]), (x[test], y[test])


def curve(phi, p):
    """exp(phi) at the knots 0, 0.1, …, 1 and straight lines between them."""
    knots = torch.arange(KNOTS, dtype=p.dtype)
    return (1 - ((KNOTS - 1) * p[..., None] - knots).abs()).clamp(min=0) @ phi.exp()


def pull(weights, theta, x, hot):
    """The gradient of a linear model's loss by theta, with the weights of the curve divided by their sum."""
    probs = (x @ theta).softmax(-1)
    w = weights((probs * hot).sum(-1))
    return x.T @ ((w / w.sum(-1, keepdim=True))[..., None] * (probs - hot))


def fit(weights, x, y, steps=STEPS, models=(), keep=0):
    """Linear models by gradient descent from 0; with ``keep`` a list of the parameters after each ``keep`` steps."""
    theta, kept, hot = x.new_zeros(*models, x.shape[1], 10), [], F.one_hot(y, 10).to(x.dtype)
    for step in range(steps):
        theta = theta - RATE * pull(weights, theta, x, hot)
        if keep and (step + 1) % keep == 0:
            kept.append(theta)
    return torch.stack(kept) if keep else theta


def fit_network(weights, x, y, steps, models, keep=0, units=32, rate=0.01):
    """Networks with one hidden layer by Adam, all from the same start; scores as a function of x."""
    g = torch.Generator().manual_seed(0)
    parts = [
        (torch.randn(a, b, generator=g, dtype=x.dtype) / a**0.5).repeat(*models, 1, 1).requires_grad_()
        for a, b in ((x.shape[1], units), (units, 10))
    ]
    optimiser, kept = torch.optim.Adam(parts, lr=rate), []
    for step in range(steps):
        logp = (torch.relu(x @ parts[0]) @ parts[1]).log_softmax(-1)
        logp = logp.gather(-1, y.expand(*models, -1)[..., None])[..., 0]
        w = weights(logp.detach().exp())
        optimiser.zero_grad()
        (-(w / w.sum(-1, keepdim=True)) * logp).sum().backward()
        optimiser.step()
        if keep and (step + 1) % keep == 0:
            kept.append([part.detach().clone() for part in parts])
    return kept if keep else [part.detach() for part in parts]


def scores(model, x):
    return x @ model if isinstance(model, torch.Tensor) else torch.relu(x @ model[0]) @ model[1]


def wrong(model, x, y):
    """Percent of the pictures that are misread."""
    return 100 * (scores(model, x).argmax(-1) != y).double().mean(-1)


def learn(seed, meta_steps=META_STEPS):
    """The curve after each meta-step, and after each the loss on the right labels and the error on unseen digits."""
    train, right, test = split(seed)
    phi = torch.zeros(KNOTS, dtype=torch.float64, requires_grad=True)
    optimiser, trace = torch.optim.Adam([phi], lr=META_RATE), []
    for _ in range(meta_steps + 1):
        theta = fit(lambda p: curve(phi, p), *train)
        outer = F.cross_entropy(scores(theta, right[0]), right[1])
        shape = phi.detach().exp()
        row = [outer.item(), wrong(theta.detach(), *right).item(), wrong(theta.detach(), *test).item()]
        trace.append((*row, (shape / shape.max()).tolist()))
        optimiser.zero_grad()
        outer.backward()
        optimiser.step()
    return [list(part) for part in zip(*trace, strict=True)]


def judge(seed, setting, shape):
    """Error of every rule in one setting, on a split that the curve has not seen."""
    name, share, kind, steps, architecture = SETTINGS[setting]
    train, right, test = split(1000 + seed, share, kind, name)
    both = torch.cat([train[0], right[0]]), torch.cat([train[1], right[1]])
    trainer = fit if architecture == "linear" else fit_network
    phi = torch.tensor(shape, dtype=torch.float64).log()

    def learned(p):
        return curve(phi, p)

    def power(p):
        return p ** POWERS[:, None]

    def same(p):
        return torch.ones_like(p)

    models = trainer(power, *train, steps, (len(POWERS),))
    loss = [F.cross_entropy(s, right[1]) for s in scores(models, right[0])]
    rank = wrong(models, *right) + 1e-3 * torch.stack(loss)  # the loss breaks ties
    q, errors = rank.argmin().item(), wrong(models, *test)
    path = trainer(same, *train, steps, (1,), keep=5)
    early = min(path, key=lambda m: (wrong(m, *right)[0].item(), F.cross_entropy(scores(m, right[0])[0], right[1])))
    out = {
        "cross entropy": errors[0],
        "stopped early": wrong(early, *test)[0],
        "absolute error": errors[-1],
        "generalized, q = 0.7": errors[3],
        "generalized, q tuned": errors[q],
        "learned": wrong(trainer(learned, *train, steps, (1,)), *test)[0],
        "right labels alone": wrong(trainer(same, *right, steps, (1,)), *test)[0],
        "cross entropy, both": wrong(trainer(same, *both, steps, (1,)), *test)[0],
        "generalized, tuned, both": wrong(trainer(lambda p: p ** POWERS[q], *both, steps, (1,)), *test)[0],
        "learned, both": wrong(trainer(learned, *both, steps, (1,)), *test)[0],
    }
    return {key: round(value.item(), 2) for key, value in out.items()}


def short(value, digits=4):
    return [short(v) for v in value] if isinstance(value, list) else float(f"{value:.{digits}g}")


def main():
    runs = []
    for seed in SEEDS:
        nats, right, test, shapes = learn(seed)
        found = {name: judge(seed, name, shapes[-1]) for name in SETTINGS}
        runs.append({"nats": short(nats), "right": short(right), "test": short(test)})
        runs[-1] |= {"shape": short(shapes[-1]), "judged": found}
        print(seed, found, flush=True)
    result = {"seeds": list(SEEDS), "settings": list(SETTINGS), "runs": runs}
    OUT.write_text(json.dumps(result) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
