"""The cards of ``lossutils.embedding``."""

import torch
from torch import Tensor

from lossutils import (
    cosine_embedding_loss,
    hinge_embedding_loss,
    info_nce_loss,
    margin_ranking_loss,
    pairwise_contrastive_loss,
    triplet_margin_loss,
)
from lossutils.learn.cards import INF, Card, Minimiser, Names, Pointwise, Whole


def _normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def _labels(generator: torch.Generator, share: float) -> Tensor:
    return torch.where(torch.rand(50, generator=generator) < share, 1.0, -1.0).double()


def _unit(x: Tensor) -> Tensor:
    return x / x.norm(dim=-1, keepdim=True)


# Cosine embedding: pairs in the plane, of which the first two are opposites.


def _draw_cosine(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    first, second = _normal(generator, 8, 2), _normal(generator, 8, 2)
    second[:2] = -2 * first[:2]
    return first, second, torch.tensor([1.0, -1.0] * 4, dtype=torch.float64)


def _cosine(x1: Tensor, x2: Tensor, y: Tensor) -> Tensor:
    cosine = (x1 * x2).sum(1) / (x1.norm(dim=1) * x2.norm(dim=1))
    return torch.where(y > 0, 1 - cosine, (cosine - 0.2).clamp(min=0))


def _cosine_slope(x1: Tensor, x2: Tensor, y: Tensor) -> Tensor:
    u1, u2 = _unit(x1), _unit(x2)
    cosine = (u1 * u2).sum(1, keepdim=True)
    counts = torch.where(y[:, None] > 0, -1.0, (cosine > 0.2).double())
    return counts * (u2 - cosine * u1) / x1.norm(dim=1, keepdim=True)


def _angles(generator: torch.Generator) -> Tensor:
    return torch.empty(50, dtype=torch.float64).exponential_(generator=generator).clamp(max=3) - 1


def _around(angle: Tensor) -> Tensor:
    return torch.stack((angle.cos(), angle.sin()), -1)


def _mean_gap(angle: Tensor, angles: Tensor) -> Tensor:
    return cosine_embedding_loss(_around(angle.expand_as(angles)), _around(angles), torch.ones_like(angles))


# Triplets: the first anchor lies between its positive and its negative, the second far from its positive.


def _draw_triplets(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    anchor, positive, negative = (_normal(generator, 6, 3) for _ in range(3))
    step = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    positive[0], negative[0] = anchor[0] - step, anchor[0] + step / 2
    positive[1] = anchor[1] + 20 * step  # one far off
    return anchor, positive, negative


def _triplets(a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    return (1 + (a - p).square().sum(1).sqrt() - (a - n).square().sum(1).sqrt()).clamp(min=0)


def _triplets_slope(a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    return (_triplets(a, p, n)[:, None] > 0) * (_unit(a - p) - _unit(a - n))


# InfoNCE: the first query finds its key, the second is its opposite.


def _draw_batch(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    query, key = _normal(generator, 5, 3), _normal(generator, 5, 3)
    key[0], key[1] = 3 * query[0], -query[1]
    return query, key


def _info_nce(query: Tensor, key: Tensor) -> Tensor:
    scores = (_unit(query) @ _unit(key).T / 0.1).exp()
    return -(scores.diagonal() / scores.sum(1)).log()


def _info_nce_slope(query: Tensor, key: Tensor) -> Tensor:
    u, v = _unit(query), _unit(key)
    pull = (u @ v.T / 0.1).softmax(1) @ v - v
    return (pull - (pull * u).sum(1, keepdim=True) * u) / (0.1 * query.norm(dim=1, keepdim=True))


CARDS = [
    Card(
        name="margin_ranking_loss",
        section="embeddings/pairs",
        title="Margin ranking",
        chinese="间隔排序损失",
        origin="surrogate",
        story="The hinge on the difference of two scores, from support vector machines for ordinal regression: with a "
        "margin of 1 it bounds the number of pairs in the wrong order from above.",
        tasks=["ranking"],
        inputs=["score"],
        takes="Two scores and a label for the pair: +1 where the first should rank higher, −1 where the second; the "
        "margin m ≥ 0 in units of the scores.",
        form=Pointwise(
            formula="Max(0, m - y*(x1 - x2))",
            gradient="Piecewise((-y, y*(x1 - x2) <= m), (0, True))",
            variables={"x1": (-3, 3), "x2": (-3, 3), "y": [-1.0, 1.0], "m": [0.0, 0.5, 1.0]},
            call=lambda x1, x2, y, m: margin_ranking_loss(x1, x2, y, margin=m, reduction="none"),
            parameters=["m"],
            symbols={"x1": "x_1", "x2": "x_2"},
        ),
        minimiser=Minimiser(
            words="of a constant difference $x_1 - x_2$: +m if most labels are +1, −m if most are −1; how many they are "
            "is lost",
            sample=lambda generator: _labels(generator, 0.7),
            loss=lambda c, t: margin_ranking_loss(c.expand_as(t), torch.zeros_like(t), t, margin=1.0),
            statistic=lambda t: t.mean().sign(),
            grid=(-2, 2),
        ),
        range=(0, INF),
        convex=True,
        smoothness="kinks",
        shape_words="convex in both scores",
        kinks=["x2 + m*y"],
        lipschitz=1.0,
        homogeneous=1,
        scaled=["x1", "x2", "m"],
        scale="Scores and margin times c: the loss times c. A constant added to all scores changes nothing, so they "
        "have no natural zero.",
        fails="With margin 0, which is torch's default, two equal scores cost nothing: a model that gives every item one "
        "score has loss 0. Pairs that are right by the margin teach nothing.",
        names=Names(
            torch="`F.margin_ranking_loss(input1, input2, target, margin=0)`",
            sklearn="none to train with; `metrics.label_ranking_loss` counts the pairs in the wrong order",
            clash="Torch takes a label of 0 in silence: the pair costs the margin and has no gradient. optax's "
            "`ranking_softmax_loss` is a cross entropy over a list, no hinge of pairs.",
        ),
        papers=["herbrich2000large"],
    ),
    Card(
        name="hinge_embedding_loss",
        section="embeddings/pairs",
        title="Hinge embedding",
        chinese="合页嵌入损失（Hinge Embedding）",
        origin="heuristic",
        story="The distance of a pair that belongs together, the shortfall from a margin for one that does not; used in "
        "this form to give neighbouring frames of a video similar features.",
        tasks=["embedding"],
        inputs=["distance"],
        takes="A distance of two embeddings, at least 0, and a label: +1 for a pair that belongs together, −1 for "
        "another; the margin m > 0 in units of the distance.",
        form=Pointwise(
            formula="Piecewise((d, y > 0), (Max(0, m - d), True))",
            gradient="Piecewise((1, y > 0), (-1, d <= m), (0, True))",
            variables={"d": (0, 3), "y": [-1.0, 1.0], "m": [0.5, 1.0, 2.0]},
            call=lambda d, y, m: hinge_embedding_loss(d, y, margin=m, reduction="none"),
            parameters=["m"],
            shown=(
                r"\begin{cases} d & y = +1 \cr \max(0, m - d) & y = -1 \end{cases}",
                r"\begin{cases} 1 & y = +1 \cr -1 & y = -1,\ d \le m \cr 0 & y = -1,\ d > m \end{cases}",
            ),
        ),
        minimiser=Minimiser(
            words="of a constant distance: 0 if most pairs belong together, m if most do not",
            sample=lambda generator: _labels(generator, 0.3),
            loss=lambda c, t: hinge_embedding_loss(c.expand_as(t), t, margin=1.0),
            statistic=lambda t: (t.mean() < 0).double(),
            grid=(0, 2),
        ),
        range=(0, INF),
        convex=True,
        smoothness="kinks",
        kinks=["Piecewise((m, y < 0))"],
        shape_words="all this by the distance; in the embeddings the loss of a negative pair is not convex",
        lipschitz=1.0,
        homogeneous=1,
        scaled=["d", "m"],
        scale="Distance and margin times c: the loss times c.",
        fails="Fed with scores of a classifier it still gives numbers: right answers (large positive scores, y = +1) "
        "cost most. Its gradient stays 1 until two alike are equal, so they jitter around it.",
        names=Names(
            torch="`F.hinge_embedding_loss(input, target, margin=1.0)`: the input is the distance",
            clash="Not the hinge loss: Keras' `losses.Hinge` and optax's `hinge_loss` take a score. Torch lets negative "
            "inputs pass, and with a label other than ±1 adds both branches.",
        ),
        papers=["mobahi2009deep"],
    ),
    Card(
        name="cosine_embedding_loss",
        section="embeddings/pairs",
        title="Cosine embedding",
        chinese="余弦嵌入损失",
        origin="heuristic",
        story="Siamese networks compared two signatures by the cosine of their features; here a pair that belongs "
        "together costs 1 − cos, another one what its cosine is above a margin.",
        tasks=["embedding"],
        inputs=["embedding"],
        takes="Two embeddings (N, D), of any length but 0, and a label: +1 for a pair that belongs together, −1 for "
        "another; the margin m from −1 to 1 is a cosine.",
        form=Whole(
            formula=r"\begin{cases} 1 - \cos(x_1, x_2) & y = +1 \cr \max(0, \cos(x_1, x_2) - m) & y = -1 \end{cases}",
            gradient=r"\frac{\partial \ell}{\partial x_1} = \mp \frac{u_2 - \cos(x_1, x_2)\, u_1}{\lVert x_1 \rVert}, "
            r"\quad u_i = \frac{x_i}{\lVert x_i \rVert}; \quad - \text{ for } y = +1,\ + \text{ for } y = -1 "
            r"\text{ and } \cos > m, \text{ else } 0",
            draw=_draw_cosine,
            call=lambda x1, x2, y: cosine_embedding_loss(x1, x2, y, margin=0.2, reduction="none"),
            reference=_cosine,
            slope=_cosine_slope,
        ),
        minimiser=Minimiser(
            words="of a constant embedding, all labels +1: the direction of the mean of the targets' unit vectors; its "
            "length is free",
            sample=_angles,
            loss=_mean_gap,
            statistic=lambda t: torch.atan2(t.sin().mean(), t.cos().mean()),
            grid=(-1.5, 2.5),
        ),
        range=(0, 2),
        convex=False,
        smoothness="kinks",
        lipschitz=None,
        shape_words="the gradient goes as 1 over the length",
        homogeneous=0,
        scale="The length of an embedding does not matter. The gradient is orthogonal to the embedding and falls as 1 "
        "over its length, so that long embeddings hardly turn.",
        fails="Opposite vectors of a pair that belongs together have gradient 0, as equal ones do. With m = 0 negatives "
        "stop at a right angle. Without negatives all embeddings may collapse to one direction: the loss is then 0.",
        names=Names(
            torch="`F.cosine_embedding_loss(input1, input2, target, margin=0)`",
            keras="`losses.CosineSimilarity(axis=-1)` is −cos: from −1 to 1, no negatives, and the best value is −1",
            optax="`cosine_distance` is 1 − cos, the case y = +1",
            sklearn="`metrics.pairwise.cosine_distances(X, Y)`: 1 − cos of all pairs",
            clash="A label of 0 for a pair that differs: torch gives 0 in silence, here it is an error.",
        ),
        papers=["bromley1993signature"],
    ),
    Card(
        name="pairwise_contrastive_loss",
        section="embeddings/pairs",
        title="Contrastive (pairs)",
        chinese="对比损失（Contrastive Loss）",
        origin="heuristic",
        story="Springs: pairs of the same class attract each other with a force that grows with the distance, others "
        "repel each other up to a margin.",
        tasks=["embedding"],
        inputs=["distance"],
        takes="The Euclidean distance d of a pair, at least 0, and whether it is of the same class (s = 1) or not "
        "(s = 0); the margin m > 0 in units of the distance.",
        form=Pointwise(
            formula="s*d**2/2 + (1 - s)*Max(0, m - d)**2/2",
            gradient="s*d - (1 - s)*Max(0, m - d)",
            variables={"d": (0, 3), "s": [0.0, 1.0], "m": [0.5, 1.0, 2.0]},
            call=lambda d, s, m: pairwise_contrastive_loss(d, s, margin=m, reduction="none"),
            parameters=["m"],
        ),
        minimiser=Minimiser(
            words="of a constant distance: the margin times the share of pairs of different classes",
            sample=lambda generator: (_labels(generator, 0.3) + 1) / 2,
            loss=lambda c, t: pairwise_contrastive_loss(c.expand_as(t), t, margin=1.5),
            statistic=lambda t: 1.5 * (1 - t.mean()),
            grid=(0, 2),
        ),
        range=(0, INF),
        convex=True,
        smoothness="one derivative",
        lipschitz=None,
        shape_words="all this by the distance; in the embeddings the loss of a negative pair is not convex",
        homogeneous=2,
        scaled=["d", "m"],
        scale="Distance and margin times c: the loss times $c^2$.",
        fails="It draws all of a class to one point, whatever variety it has. Most random negatives are beyond the "
        "margin and teach nothing. Two equal points of different classes stay together: the norm has no gradient there.",
        names=Names(
            others="TensorFlow Addons' `ContrastiveLoss(margin=1.0)`: without the ½, so twice ours",
            clash="The paper's label is 0 for the same class, here it is 1. “Contrastive loss” also names InfoNCE and "
            "NT-Xent, which are cross entropies.",
        ),
        papers=["hadsell2006dimensionality"],
    ),
    Card(
        name="triplet_margin_loss",
        section="embeddings/triplets",
        title="Triplet",
        chinese="三元组损失",
        origin="heuristic",
        story="Only the order of distances counts: an anchor must be nearer to its positive than to its negative, by a "
        "margin.",
        tasks=["embedding", "ranking"],
        inputs=["embedding"],
        takes="Three embeddings (N, D): anchor a, positive p of its class, negative n of another; the margin m > 0 in "
        "units of the distance, which is not squared.",
        form=Whole(
            formula=r"\max(0, \; m + \lVert a - p \rVert - \lVert a - n \rVert)",
            gradient=r"\frac{\partial \ell}{\partial a} = \frac{a - p}{\lVert a - p \rVert} - "
            r"\frac{a - n}{\lVert a - n \rVert} \text{ where } \ell > 0, \text{ else } 0",
            draw=_draw_triplets,
            call=lambda a, p, n: triplet_margin_loss(a, p, n, reduction="none"),
            reference=_triplets,
            slope=_triplets_slope,
        ),
        minimiser=Minimiser(
            words="no statistic: it is 0 as soon as every negative is farther off than the positive by m, and m if all "
            "embeddings are one"
        ),
        range=(0, INF),
        convex=False,
        smoothness="kinks",
        lipschitz=2.0,
        shape_words="all this by the anchor; convex in the positive",
        scale="Embeddings and margin times c: the loss times c; shifting all three changes nothing. If the embeddings "
        "are normalised, no distance is above 2, so the margin must be below.",
        fails="A loss that stays at the margin is collapse: all embeddings are one point. With random triplets it soon "
        "is 0 for nearly all of them, and the mean falls while nothing is learned: report the share that is not 0.",
        names=Names(
            torch="`F.triplet_margin_loss(margin=1.0, p=2, eps=1e-6, swap=False)`: adds eps to every difference; "
            "`F.triplet_margin_with_distance_loss(distance_function=)`",
            optax="`triplet_margin_loss(norm_degree=2, margin=1.0, eps=1e-6)`: eps inside the root, no reduction, and "
            "no absolute values, so that `norm_degree=1` is no distance",
            clash="FaceNet squares the distances and takes the margin 0.2 of normalised embeddings: another loss.",
        ),
        papers=["balntas2016learning", "schroff2015facenet"],
    ),
    Card(
        name="info_nce_loss",
        section="embeddings/triplets",
        title="InfoNCE",
        chinese="InfoNCE 损失",
        origin="information theory",
        story="Pick a query's own key among all keys of the batch, as a cross entropy; log N minus its mean bounds the "
        "mutual information of query and key from below.",
        tasks=["embedding"],
        inputs=["embedding"],
        takes="Two matrices of embeddings (N, D) of which row i and row i belong together; they are normalised inside. "
        "The temperature τ > 0 divides the cosines.",
        form=Whole(
            formula=r"\ell_i = -\log \frac{\exp s_{ii}}{\sum_{j=1}^N \exp s_{ij}}, \quad "
            r"s_{ij} = \frac{\cos(q_i, k_j)}{\tau}",
            gradient=r"\begin{aligned} \frac{\partial \ell_i}{\partial q_i} &= \frac{1}{\tau \lVert q_i \rVert} "
            r"(I - u_i u_i^\top) \Bigl( \sum_j p_{ij} v_j - v_i \Bigr) , \cr u_i &= \frac{q_i}{\lVert q_i \rVert} , "
            r"\quad v_j = \frac{k_j}{\lVert k_j \rVert} , \quad p_i = \operatorname{softmax}(s_i) \end{aligned}",
            draw=_draw_batch,
            call=lambda query, key: info_nce_loss(query, key, temperature=0.1, reduction="none"),
            reference=_info_nce,
            slope=_info_nce_slope,
        ),
        minimiser=Minimiser(
            words="of scores that are free: $\\log \\frac{p(k \\vert q)}{p(k)}$ plus anything that depends on q alone; "
            "cosines over τ can reach it only within ±1/τ"
        ),
        range=(0, INF),
        range_words="for given N and τ from $\\log(1 + (N - 1) e^{-2/\\tau})$ to $\\log(1 + (N - 1) e^{2/\\tau})$; "
        "log N when all cosines are equal, and $\\log(1 + (N - 1) e^{-1/\\tau})$ for a perfect match among orthogonal others",
        convex=False,
        smoothness="smooth",
        lipschitz=None,
        shape_words="all this by the query, if its length is not 0; the gradient goes as 1 over it",
        homogeneous=0,
        scale="The lengths do not matter; τ is the scale. The gradient is orthogonal to the query; a small τ leaves only the hardest negatives.",
        fails="Its value depends on N and τ: runs with other batch sizes do not compare. Items of the same class in one "
        "batch are pushed apart as negatives. With many negatives a τ near 1 keeps it far from 0, however good the match.",
        names=Names(
            torch="`F.cross_entropy(q @ k.T / tau, torch.arange(N))` of normalised rows",
            optax="`ntxent(embeddings, labels, temperature=0.07)`: NT-Xent in one matrix with labels",
            clash="NT-Xent (SimCLR) adds the other queries as negatives: 2N − 2 of them instead of N − 1. CLIP averages "
            "both directions: `symmetric=True`. CPC itself scores by a bilinear form, not by a cosine.",
        ),
        papers=["oord2018representation", "chen2020simple", "radford2021learning"],
    ),
]
