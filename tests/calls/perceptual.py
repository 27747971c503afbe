"""The calls of lossutils.perceptual."""

CALLS = []

REFERENCES = {}

NOT_APPLICABLE = {}
