"""The reader's tools: live figures, checked exercises, a guide to choosing, loss cards, a plotting style, data sets.

They stand on the losses; no loss depends on them. Install them with ``pip install "lossutils[learn]"``.
"""
