"""Networks of private addresses: each VPC a router in a network namespace, each of its members a namespace of its own.

`messages` is what a server tells its keeper, `keeper` the process that makes the namespaces and holds them, `keeping`
that process as the server sees it. In the keeper: `namespaces` (made and entered), `routers` (one for each VPC),
`members` (one for each interface in use), `firewalls` (what they let through), `ways_out` (to the internet).
"""
