"""Objects of any size, sealed on their way into the blob store and opened on their way out.

`writer` and `reader` move an object in pieces of a megabyte, each sealed or opened and written or read in one visit to
a thread: however large the object, a few pieces are in memory. `check` finds blobs that are damaged, missing or named
by nobody.
"""
