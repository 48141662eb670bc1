"""AWS service models as data: read from botocore's bundled files, corrected by `patches.json`, and compiled.

`load` reads one service, `service` is what the rest of Strongroom sees of it, `validate` refuses what AWS refuses and
in its words, `annotations` lets msgspec validate as it decodes, `redact` drops what an audit trail must not hold.
"""
