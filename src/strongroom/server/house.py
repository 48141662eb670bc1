"""Opens everything that a server serves, in the order in which one thing needs the other."""

from strongroom.base.clock import Clock
from strongroom.base.configuration import Configuration
from strongroom.operations import tables
from strongroom.operations.house import House
from strongroom.operations.quotas.memory_file import ServedMemory, memory_path
from strongroom.operations.vault import open_sealer
from strongroom.server.root_key import open_root_key
from strongroom.services import (
    cloudtrail,
    codebuild,
    ec2,
    iam,
    kms,
    lambda_,
    logs,
    rds,
    s3,
    secretsmanager,
    servicequotas,
    ssm,
    sts,
)
from strongroom.storage.blobs.store import open_blob_store
from strongroom.storage.store import open_store

SERVED = (
    kms.KMS,
    iam.IAM,
    sts.STS,
    servicequotas.SERVICE_QUOTAS,
    s3.S3,
    ssm.SSM,
    secretsmanager.SECRETS_MANAGER,
    logs.LOGS,
    cloudtrail.CLOUDTRAIL,
    codebuild.CODEBUILD,
    ec2.EC2,
    lambda_.LAMBDA,
    rds.RDS,
)
"""The services that are served. Importing one registers its operations."""


async def open_house(configuration: Configuration, clock: Clock) -> House:
    """Open the store, the vault and the services; at first start make the root key and the root's access key.

    Its jobs are not begun. Raises OperatorError for what the operator must mend.
    """
    store = await open_store(configuration.database_url)
    buckets: ServedMemory | None = None
    try:
        rows = await store.read(tables.select_storage_keys)
        sealer = await open_sealer(store, open_root_key(configuration, rows), clock.wall())
        buckets = ServedMemory(
            memory_path(configuration, await store.read(tables.select_storage_keys)), is_shared=store.kind != "sqlite"
        )
        blobs = open_blob_store(configuration.blobs or configuration.data / "blobs")
        house = House(configuration, clock, store, blobs, sealer, buckets)
        await house.principals.ensure_root_access_key(
            configuration.account_id,
            clock.now(),
            configuration.root_access_key_id,
            configuration.root_secret_access_key,
        )
    except BaseException:
        if buckets is not None:
            buckets.leave()
        await store.close()
        raise
    return house
