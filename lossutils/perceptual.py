"""Losses between images: in the features of a network, in their statistics, and in local structure."""

from __future__ import annotations

__all__: list[str] = []
