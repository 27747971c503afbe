"""The network behind the perceptual losses: that its weights are real, frozen, and what its maps are."""

import pytest
import torch
from torch.nn import functional as F

from lossutils.learn import data, features


@pytest.fixture(scope="module")
def network():
    return features.efficient_net()


def photograph(name):
    picture = data.photograph(name)[None]
    side = min(picture.shape[2:])
    top, left = ((size - side) // 2 for size in picture.shape[2:])
    square = picture[..., top : top + side, left : left + side]
    return F.interpolate(square, size=224, mode="bicubic", antialias=True).clamp(0, 1)


@pytest.mark.parametrize(("name", "classes"), [("chelsea", range(281, 286)), ("coffee", (967, 504))])
def test_the_network_has_learned_to_see(network, classes, name):
    """Protects the weights: ImageNet's classes 281–285 are cats, 967 is espresso and 504 a coffee mug."""
    assert network.logits(photograph(name)).argmax().item() in classes


def test_the_maps_are_those_of_the_documentation(network):
    maps = network(torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0)))
    assert [m.shape[1] for m in maps] == [32, 16, 24, 40, 112, 320] and len(maps) == len(features.LAYERS)
    assert [tuple(m.shape[2:]) for m in maps] == [(32, 48), (32, 48), (16, 24), (8, 12), (4, 6), (2, 3)]


def test_the_network_is_frozen(network):
    """Protects against weights that learn, and against batch statistics that move: both spoil a perceptual loss."""
    torch.nn.Sequential(network).train()
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1)).requires_grad_()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    sum(m.square().mean() for m in network(image)).backward()
    assert image.grad.abs().sum() > 0 and not any(p.requires_grad for p in network.parameters())
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())


def test_the_control_differs_from_seed_to_seed_and_leaves_the_global_state():
    torch.manual_seed(7)
    image = torch.rand(1, 3, 32, 32)
    state = torch.random.get_rng_state()
    first, again, other = (features.random_net(seed)(image)[3] for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(1e-2 < m.abs().mean() < 1e3 for m in features.random_net(2)(image))


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64), (1, 3, 31, 64)])
def test_other_images_are_refused(network, shape):
    with pytest.raises(ValueError, match=r"images must be \(N, 3, H, W\)"):
        network(torch.zeros(shape))
