"""The code exercises of the chapter "GAN losses", a module a section."""
