"""The other libraries, each imported only when a case asks for it, and only as far as its losses."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from types import ModuleType

SHORT = {
    "torchvision": "torchvision",
    "kornia": "kornia",
    "monai": "monai",
    "smp": "segmentation_models_pytorch",
    "pml": "pytorch_metric_learning",
}


def peer(short: str, module: str) -> ModuleType:
    """A module of a peer, "losses" of "kornia" say; ImportError if the package is not installed.

    Two packages load at their top far more than their losses, with compiled operators that must fit the build of torch.
    If that fails, the losses are loaded without the package's own __init__: they are plain torch.
    """
    package = SHORT[short]
    try:
        return importlib.import_module(f"{package}.{module}")
    except ModuleNotFoundError:
        raise
    except (ImportError, RuntimeError, AttributeError):
        for name in [n for n in sys.modules if n == package or n.startswith(package + ".")]:
            del sys.modules[name]
        bare = types.ModuleType(package)
        bare.__path__ = list(importlib.util.find_spec(package).submodule_search_locations)
        sys.modules[package] = bare
        return importlib.import_module(f"{package}.{module}")
