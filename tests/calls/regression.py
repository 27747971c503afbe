"""The calls of lossutils.regression."""

import math
from functools import partial

import lossutils as lu
from calls import Call, uniform


def _pair(g):
    return uniform(g, 4, 3), uniform(g, 4, 3)


def _call(name, learn=(0, 1), **options):
    loss = partial(getattr(lu, name.split(",")[0]), **options)
    return Call(name, loss, _pair, learn, divisor=lambda x, y: 12)


CALLS = [
    _call("l1_loss"),
    _call("mse_loss"),
    Call("rmse_loss", lu.rmse_loss, _pair, (0, 1)),
    _call("log_cosh_loss"),
    _call("smooth_l1_loss", beta=0.3),
    _call("huber_loss", delta=0.3),
    _call("quantile_loss", q=0.3),
    _call("general_robust_loss", alpha=0.5, scale=2.0),
    _call("adaptive_robust_loss", alpha=0.5, scale=2.0),
    _call("poisson_nll_loss"),
    _call("poisson_nll_loss, rates", log_input=False, full=True),
    _call("gaussian_nll_loss, one variance", var=2.0),
    Call(
        "gaussian_nll_loss",
        lu.gaussian_nll_loss,
        lambda g: (*_pair(g), uniform(g, 4, 3, low=0.5, high=2.0)),
        (0, 1, 2),
        divisor=lambda x, y, v: 12,
    ),
]

REFERENCES = {
    "huber": lu.huber_loss,
    "smooth_l1": lu.smooth_l1_loss,
    "log_cosh": lu.log_cosh_loss,
    "mse": lu.mse_loss,
    "mae": lu.l1_loss,
    "half_mse": partial(lu.huber_loss, delta=math.inf),
    "quantile": lambda x, y, tau, **options: lu.quantile_loss(x, y, q=tau, **options),
    "poisson_nll": lu.poisson_nll_loss,
    "barron": lu.general_robust_loss,
}

NOT_APPLICABLE = {
    "tfa-pinball-0.0": "q = 0 elicits no quantile; q must lie strictly between 0 and 1",
}
