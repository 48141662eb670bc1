"""Encryption on the client's side: plaintext never meets a server. Stands alone, and works against AWS as well."""
