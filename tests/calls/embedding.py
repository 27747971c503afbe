"""The calls of lossutils.embedding."""

CALLS = []

REFERENCES = {}

NOT_APPLICABLE = {}
