"""Keys that are kept elsewhere: behind an external key store proxy."""
