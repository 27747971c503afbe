"""The calls of lossutils.overlap."""

CALLS = []

REFERENCES = {}

NOT_APPLICABLE = {}
