"""Log groups and their streams: what they are, how they are found, and the operations on them.

`directory` knows them; `groups`, `settings`, `listing`, `tagging`, `streams` and `encryption` change and show them.
"""
