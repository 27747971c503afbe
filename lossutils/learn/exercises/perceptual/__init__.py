"""The code exercises of the chapter "Perceptual losses", a module a section."""
