"""The calls of lossutils.sequence."""

CALLS = []

REFERENCES = {}

NOT_APPLICABLE = {}
