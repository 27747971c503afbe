"""The code exercises of the chapter "Classification", a module a section."""
