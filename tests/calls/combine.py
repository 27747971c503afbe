"""The calls of lossutils.combine."""

CALLS = []

REFERENCES = {}

NOT_APPLICABLE = {}
