"""Loss functions for PyTorch, derived, checked and explained in The Loss Book."""

from lossutils import classification, combine, embedding, focal, gan, overlap, perceptual, regression, sequence
from lossutils.classification import *  # noqa: F403
from lossutils.combine import *  # noqa: F403
from lossutils.embedding import *  # noqa: F403
from lossutils.focal import *  # noqa: F403
from lossutils.gan import *  # noqa: F403
from lossutils.overlap import *  # noqa: F403
from lossutils.perceptual import *  # noqa: F403
from lossutils.regression import *  # noqa: F403
from lossutils.sequence import *  # noqa: F403

__all__ = [
    *classification.__all__,
    *regression.__all__,
    *perceptual.__all__,
    *gan.__all__,
    *focal.__all__,
    *overlap.__all__,
    *embedding.__all__,
    *sequence.__all__,
    *combine.__all__,
]
