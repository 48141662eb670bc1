"""One file a step, `NNNN_what.py`, numbered without gaps; `revision` is the number, `down_revision` the one before.

To change the schema: change the `Table` in the service's `tables.py`, and add the next file here with an `upgrade`
that makes the same change with `alembic.op`, using the types of `storage.column_types`. A released file is never
edited. There is no `downgrade`: going back means restoring a backup.

All pending steps run in one transaction, on both databases; on SQLite foreign keys are off meanwhile and are checked
before the commit, so `op.batch_alter_table` is safe. A migration imports no `tables.py`: those describe today, a
migration describes its own day.
"""
