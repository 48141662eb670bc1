"""`strongroom xks-proxy`: an external key store proxy, which serves keys of ours to somebody else's KMS.

Source: AWS KMS External Key Store Proxy API Specification, version 1.
"""
