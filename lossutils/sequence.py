"""Losses of sequences whose alignment is not known."""

from __future__ import annotations

__all__: list[str] = []
