"""Layers: archives that several functions share. Importing this package registers their operations."""
