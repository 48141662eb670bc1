"""A bucket in the host name, over TLS: the certificate is for it, and what boto3 signs for it holds."""

import http.client
import socket
import ssl
from urllib.parse import urlsplit

from botocore.config import Config
from tests.running_server import RunningServer


def test_an_object_of_the_bucket_in_the_host_name(server: RunningServer) -> None:
    port = urlsplit(server.https).port
    server.client("s3").create_bucket(Bucket="by-host")
    server.client("s3").put_object(Bucket="by-host", Key="a/b", Body=b"found")
    config = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
    client = server.client("s3", endpoint_url=f"https://s3.localhost:{port}", config=config)
    url = urlsplit(client.generate_presigned_url("get_object", Params={"Bucket": "by-host", "Key": "a/b"}))
    assert url.hostname == "by-host.s3.localhost"

    # Not every machine resolves names below localhost, so the connection is made by hand; the host is checked by TLS.
    connection = http.client.HTTPConnection(url.hostname, port)
    plain = socket.create_connection(("127.0.0.1", port or 0))
    context = ssl.create_default_context(cafile=str(server.ca_bundle))
    connection.sock = context.wrap_socket(plain, server_hostname=url.hostname)
    connection.request("GET", f"{url.path}?{url.query}")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"found")
    connection.close()
