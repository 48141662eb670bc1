"""Root file systems that jobs may see instead of this machine's: where they come from, and how they are unpacked.

An image is other people's data: its paths, links, sizes and digests are checked before any of it is used.
"""
