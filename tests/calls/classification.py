"""The calls of lossutils.classification."""

CALLS = []

REFERENCES = {}

NOT_APPLICABLE = {}
