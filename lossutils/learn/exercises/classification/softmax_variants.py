"""The code exercises of the section "Softmax's variants"."""

import math

import torch
import torch.nn.functional as F

from lossutils.learn.exercises import Edge, Exercise, Wrong, numbers


def smoothed_cross_entropy(logits, target, epsilon):
    """−Σ q log softmax(z) for each row, where q mixes the one-hot target with the uniform distribution."""
    rows = []
    for z, y in zip(logits, target, strict=True):
        q = torch.full_like(z, epsilon / len(z))
        q[y] += 1 - epsilon
        rows.append(torch.logsumexp(z, 0) - (q * z).sum())
    return torch.stack(rows)


def teacher_loss(student, teacher, temperature):
    """T² KL(p_t ‖ p_s) for each row, both softened by T."""
    rows = []
    for s, t in zip(student, teacher, strict=True):
        log_s, log_t = torch.log_softmax(s / temperature, 0), torch.log_softmax(t / temperature, 0)
        rows.append(temperature**2 * (log_t.exp() * (log_t - log_s)).sum())
    return torch.stack(rows)


def psi(theta, m):
    """(−1)^k cos(mθ) − 2k, with k the number of the piece of length π/m that θ lies in."""
    values = []
    for angle in theta:
        k = min(math.floor(angle.item() * m / math.pi), m - 1)
        values.append((-1) ** k * torch.cos(m * angle) - 2 * k)
    return torch.stack(values)


def _logits(g, n):
    """n rows of two to four logits, a class for each, and an ε."""
    classes = 2 + n % 3
    epsilon = 0.1 * (1 + torch.randint(4, (), generator=g).item())
    return numbers(g, n * classes, -3, 3).view(n, classes), torch.randint(classes, (n,), generator=g), epsilon


def _pair(g, n):
    classes = 2 + n % 3
    student, teacher = (numbers(g, n * classes, -3, 3).view(n, classes) for _ in range(2))
    return student, teacher, float(2 + torch.randint(3, (), generator=g).item())


def _rows(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def _mix(logits, target, own, other):
    """The cross entropy with the target ``own`` in the right class and ``other`` in all others."""
    q = torch.full_like(logits, other).scatter(1, target[:, None], own)
    return -(q * logits.log_softmax(1)).sum(1)


def _kl(log_p, log_q):
    return (log_p.exp() * (log_p - log_q)).sum(1)


def _soft(student, teacher, t):
    return F.log_softmax(student / t, 1), F.log_softmax(teacher / t, 1)


def _piece(theta, m):
    return (theta * m / math.pi).floor().clamp(max=m - 1)


EXERCISES = [
    Exercise(
        "smoothed_cross_entropy",
        smoothed_cross_entropy,
        cases=[
            (_rows([2.0, 0.0]), torch.tensor([0]), 0.2),
            (_rows([2.0, 0.0, 0.0, 0.0]), torch.tensor([0]), 0.1),
            (_rows([1.0, -1.0], [0.5, 0.0]), torch.tensor([1, 0]), 0.4),
        ],
        draw=_logits,
        edges=[
            Edge("ε = 0", (_rows([1.0, 0.0, -1.0]), torch.tensor([2]), 0.0)),
            Edge("logits of 1000, where exp overflows", (_rows([1000.0, 0.0]), torch.tensor([0]), 0.1)),
        ],
        wrong=[
            Wrong(
                lambda logits, target, epsilon: _mix(logits, target, 1 - epsilon, epsilon / (logits.shape[1] - 1)),
                "this looks like ε shared among the wrong classes alone. Among how many classes does torch share it?",
            ),
            Wrong(
                lambda logits, target, epsilon: _mix(logits, target, 1 - epsilon, epsilon / logits.shape[1]),
                "this looks like targets that do not sum to 1: the right class gets a part of ε too.",
            ),
            Wrong(
                lambda logits, target, epsilon: _mix(
                    logits, target, 1 + epsilon / logits.shape[1], epsilon / logits.shape[1]
                ),
                "this looks like targets that sum to more than 1: ε was added and nothing taken away.",
            ),
            Wrong(
                lambda logits, target, epsilon: _mix(
                    logits, target, epsilon + (1 - epsilon) / logits.shape[1], (1 - epsilon) / logits.shape[1]
                ),
                "this looks as if ε and 1 − ε had changed places.",
            ),
            Wrong(
                lambda logits, target, epsilon: (
                    -(
                        (1 - epsilon) * logits.softmax(1).gather(1, target[:, None])[:, 0] + epsilon / logits.shape[1]
                    ).log()
                ),
                "this looks like a smoothed prediction. Here it is the target that is mixed.",
            ),
            Wrong(
                lambda logits, target, epsilon: _mix(logits, target, 1.0, 0.0),
                "this looks like the plain cross entropy: ε never enters.",
            ),
        ],
        gradient=("logits",),
    ),
    Exercise(
        "teacher_loss",
        teacher_loss,
        cases=[
            (_rows([0.0, 0.0]), _rows([2.0, 0.0]), 2.0),
            (_rows([0.0, 1.0, 1.0]), _rows([0.0, 1.0, 3.0]), 4.0),
            (_rows([1.0, -1.0], [0.0, 2.0]), _rows([0.0, 0.0], [1.0, 2.0]), 2.0),
        ],
        draw=_pair,
        edges=[
            Edge("logits of 10,000, where softmax underflows", (_rows([0.0, 0.0]), _rows([10000.0, 0.0]), 2.0)),
            Edge("a student sure of another class", (_rows([10000.0, 0.0]), _rows([0.0, 2.0]), 2.0)),
        ],
        wrong=[
            Wrong(
                lambda student, teacher, temperature: _kl(*_soft(student, teacher, temperature)[::-1]),
                "this looks right but for its size. What happens to its gradient when T grows?",
            ),
            Wrong(
                lambda student, teacher, temperature: temperature * _kl(*_soft(student, teacher, temperature)[::-1]),
                "this looks right but for its size: the gradient still falls as T grows, by one power of T.",
            ),
            Wrong(
                lambda student, teacher, temperature: temperature**2 * _kl(*_soft(student, teacher, temperature)),
                "this looks like the other direction of KL. Under whose distribution is the expectation?",
            ),
            Wrong(
                lambda student, teacher, temperature: (
                    -(temperature**2)
                    * (_soft(student, teacher, temperature)[1].exp() * _soft(student, teacher, temperature)[0]).sum(1)
                ),
                "this looks like the cross entropy with the teacher. The gradient is the same, but a perfect copy "
                "should cost 0.",
            ),
            Wrong(
                lambda student, teacher, temperature: (
                    temperature**2 * _kl(teacher.log_softmax(1), _soft(student, teacher, temperature)[0])
                ),
                "this looks as if the teacher were not softened. Both take the same T.",
            ),
            Wrong(
                lambda student, teacher, temperature: (
                    temperature**2
                    * _kl(_soft(student, teacher, temperature)[1], _soft(student, teacher, temperature)[0])
                    / student.shape[1]
                ),
                "this looks like a mean over the classes, as `kl_div` takes by default. A KL is a sum over them.",
            ),
            Wrong(
                lambda student, teacher, temperature: (
                    temperature**2
                    * _kl(F.log_softmax(teacher * temperature, 1), F.log_softmax(student * temperature, 1))
                ),
                "this looks like logits multiplied by T: that sharpens, where a high temperature softens.",
            ),
        ],
        gradient=("student",),
    ),
    Exercise(
        "psi",
        psi,
        cases=[
            ([0.0, 1.0], 2),
            ([2.0], 2),
            ([0.5, 1.2, 2.0, 3.0], 4),
        ],
        draw=lambda g, n: (numbers(g, n + 1, 0.0, 3.0, 0.023), 1 + n),
        edges=[Edge("an angle of π", ([math.pi], 3)), Edge("an angle of π", ([math.pi], 4))],
        wrong=[
            Wrong(
                lambda theta, m: torch.cos(m * theta),
                "this looks like cos mθ alone, which rises again beyond π/m: there a larger angle would be cheaper.",
            ),
            Wrong(
                lambda theta, m: torch.cos(m * theta) - 2 * _piece(theta, m),
                "this looks as if a sign were missing: the curve jumps at π/m.",
            ),
            Wrong(
                lambda theta, m: (1 - 2 * (_piece(theta, m) % 2)) * torch.cos(m * theta),
                "this looks like a curve that falls from 1 to −1 again and again. What joins the pieces?",
            ),
            Wrong(
                lambda theta, m: (1 - 2 * (_piece(theta, m) % 2)) * torch.cos(m * theta) - _piece(theta, m),
                "this looks like steps that are too small: how far does one piece fall?",
            ),
            Wrong(
                lambda theta, m: torch.cos((m * theta).clamp(max=math.pi)),
                "this looks like a curve that stays at −1 from π/m on. A flat loss pulls no sample back.",
            ),
            Wrong(
                lambda theta, m: torch.cos(theta) - (m - 1),
                "this looks like a constant subtracted from the cosine. That is the idea of CosFace.",
            ),
        ],
    ),
]
