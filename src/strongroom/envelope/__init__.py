"""Everything sensitive that is stored passes here.

A root key (`root`) wraps the storage keys of a keyring (`keyring`), and the storage keys seal what is stored
(`sealed`), each value bound to its place. The store is not trusted: what it gives back is either exactly what was
sealed for that place, or refused. `docs/formats.md` describes every format byte by byte.
"""
