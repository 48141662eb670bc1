"""Builds everything, listens, and shuts down.

`run` is the life of the process, `house` opens what it serves, `pipeline` lists the steps of a request in order. The
way in, from the socket: `sockets`, `tls`, `listeners`, `protocol` (one connection), `exchange` and
`front_door` (one request).
"""
