"""Losses of generative adversarial networks: of the raw outputs of a discriminator or critic."""

from __future__ import annotations

__all__: list[str] = []
