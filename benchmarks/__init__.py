"""How fast every loss is, against torch, the textbook formula and other libraries: see run.py."""
