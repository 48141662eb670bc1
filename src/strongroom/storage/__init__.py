"""Where everything durable lives: one store with two verbs, on SQLite or PostgreSQL. Knows no service.

`store` is the interface, `schema` and `column_types` are what tables are made of, `migrate` brings a database up to
date, `leases` lets one server at a time do a job, `lock` keeps a second server off a SQLite data directory.
"""
