"""Losses for rare positives: balanced and focal cross entropy, and the mean of the hardest examples."""

from __future__ import annotations

__all__: list[str] = []
