"""What is wrong with a policy document: findings about what is invalid, dangerous or useless in it.

Read in this order: `source` (JSON text whose every value knows its line), `subject` (the document as rules look at it),
`rules/` (one noun a file, each rule a small function), `registry` (all rules), `check` (the one function to call).
`vocabulary/` are the names that AWS knows: actions, types of resource, condition keys. Nothing here asks a server: a
policy is judged by its text alone.
"""
