"""Losses for classification: of probabilities, of logits, and of margins."""

from __future__ import annotations

__all__: list[str] = []


# Probabilities and logits


# Margins
