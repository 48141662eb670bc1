"""Rotations under way: `progress` writes how far each is, `steps` carries out what is next, `runs` many side by side.

A rotation is a row, from its beginning until it has succeeded or was given up; nothing of it is in memory alone. How
rotations are repeated, and what of them is kept, is in docs/decisions/0022-rotations-are-rows.md.
"""
