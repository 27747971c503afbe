"""The reader's tools: live figures, the checker of exercises, a plotting style and the data sets of the book.

They stand on the losses; no loss depends on them. Install them with ``pip install "lossutils[learn]"``.
"""
