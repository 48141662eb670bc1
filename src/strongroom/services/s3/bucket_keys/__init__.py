"""S3 Bucket Keys: one key of a bucket stands between a KMS key and the data keys of many objects.

`tables` keeps them, encrypted under KMS; `bucket_keys` is the cache of those in use.
"""
