"""Custom key stores: KMS keys whose key material is in a token, or behind an external key store proxy.

`creation`, `update`, `connecting`, `listing` and `deletion` are the operations on key stores. `key_store` is what
`key_store_directory` finds; `cluster_keys` and `external_keys` use the keys of the two kinds, `store_keys` tells them
apart. What is named xks is the external key store proxy API.
"""
