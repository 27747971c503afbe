"""The calls of lossutils.focal."""

CALLS = []

REFERENCES = {}

NOT_APPLICABLE = {}
