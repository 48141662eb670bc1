"""Ready-made rotation functions for databases, as they run inside a function's sandbox.

`handlers` has one entry point for each engine and strategy. The steps are in `steps`, what each strategy does in
`single_user` and `alternating_users`, what is different between databases in `postgresql` and `mysql`.

This room imports nothing of Strongroom but itself, and itself by relative names: it is packed into a zip file as it is,
and runs on any Lambda with boto3 and the database's driver beside it.
"""
