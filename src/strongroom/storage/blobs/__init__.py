"""Where large sealed bytes live: a blob store of local files, or of objects in somebody's object store.

A blob is written once, read in ranges, and deleted; it never changes. Its name is random and says nothing of what it
holds. Blobs come first and the row that names them last: a blob that no row names is rubbish, which a sweep takes away.
`store` is the interface, `local` and `object_store` are what there is, `names` makes names. The bytes are sealed before
they come here: the store is not trusted.
"""
