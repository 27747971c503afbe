"""Losses of overlap: of masks (Dice, Jaccard, Tversky, Lovász) and of boxes (IoU and its successors)."""

from __future__ import annotations

__all__: list[str] = []
