"""The code exercises of the chapter "Classification", a module a section."""

from lossutils.learn.exercises.classification import cross_entropy, entropy, many_labels, margins, surrogates

SECTIONS = surrogates, entropy, cross_entropy, margins, many_labels
EXERCISES = [exercise for section in SECTIONS for exercise in section.EXERCISES]
