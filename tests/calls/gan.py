"""The calls of lossutils.gan."""

CALLS = []

REFERENCES = {}

NOT_APPLICABLE = {}
