"""Grants: permission to use one key, given to one principal, and taken back at any time.

`grant` is what a grant allows, `grant_directory` finds those that fit a request, `grant_principals` says who is meant,
`grant_tokens` names a grant in a few sealed bytes; `grant_creation`, `grant_listing` and `grant_deletion` are the
operations. Source: AWS KMS Developer Guide, "Grants in AWS KMS".
"""
