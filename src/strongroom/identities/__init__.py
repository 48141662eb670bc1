"""Who exists: accounts, users, groups, roles, their policies and credentials, as stored and as the guard knows them.

`operations` reads them to decide, `services/iam` changes them, `services/sts` makes sessions of them. Nothing here
decides anything, and nothing here knows a call.
"""
