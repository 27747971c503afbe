"""The code exercises of the chapter "Focal loss, imbalance and overlap", a module a section."""
