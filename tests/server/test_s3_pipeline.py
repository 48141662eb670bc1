from functools import partial

from tests.server.s3_server import S3Server, Serve, with_s3

__all__ = ["with_s3"]


def test_objects_go_in_and_out(with_s3: Serve) -> None:
    async def main(server: S3Server) -> None:
        s3 = server.client()
        await server.run(lambda: s3.create_bucket(Bucket="room"))
        for size in (0, 1, 100_000, 3_000_000):
            body = (bytes(range(256)) * (size // 256 + 1))[:size]
            put = partial(s3.put_object, Bucket="room", Key="a/b c", Body=body, Metadata={"Colour": "red"})
            await server.run(put)
            assert server.fake.objects["room", "a/b c"] == body
            assert server.fake.last.params["Metadata"] == {"colour": "red"}
            got = await server.run(lambda: s3.get_object(Bucket="room", Key="a/b c")["Body"].read())
            assert got == body
        head = await server.run(lambda: s3.head_object(Bucket="room", Key="a/b c"))
        assert head["ContentLength"] == 3_000_000
        part = await server.run(lambda: s3.get_object(Bucket="room", Key="a/b c", Range="bytes=10-19"))
        assert part["ResponseMetadata"]["HTTPStatusCode"] == 206
        listed = await server.run(lambda: s3.list_objects_v2(Bucket="room"))
        assert [each["Key"] for each in listed["Contents"]] == ["a/b c"]

    with_s3(main)
