"""The code exercises of the chapter "Embeddings and sequences", a module a section."""
