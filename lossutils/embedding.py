"""Losses of distances and similarities between embeddings."""

from __future__ import annotations

__all__: list[str] = []
