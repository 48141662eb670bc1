"""Log events: how they come in, how they are kept, and how they are read.

`put` takes batches in; `batches` makes bytes of them, compressed and sealed under a `data_keys` key; `reading` sweeps
over them in the order of time, for `get`, `filter` and `records`; `retention` lets go of them.
"""
