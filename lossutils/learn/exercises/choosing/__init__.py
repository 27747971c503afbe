"""The code exercises of the chapter "Choosing and designing", a module a section."""
