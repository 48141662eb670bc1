"""Code of functions, fetched by the address that GetFunction gave out."""

import uuid

import urllib3
from tests.running_server import RunningServer
from tests.services.lambda_.functions import TRUST, archive


def test_an_address_leads_to_the_code_without_a_signature_and_no_other_does(server: RunningServer) -> None:
    name = f"function-{uuid.uuid4().hex[:8]}"
    role = server.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    code = archive()
    for secure in (True, False):
        client = server.client("lambda", secure=secure)
        if secure:
            client.create_function(
                FunctionName=name, Runtime="python3.11", Handler="app.handler", Role=role, Code={"ZipFile": code}
            )
        location = client.get_function(FunctionName=name)["Code"]["Location"]
        assert location.startswith((server.https if secure else server.http) + "/_strongroom/lambda/code/")
        http = urllib3.PoolManager(ca_certs=str(server.ca_bundle), retries=False)
        fetched = http.request("GET", location)
        assert (fetched.status, fetched.data, fetched.headers["content-type"]) == (200, code, "application/zip")
        assert http.request("HEAD", location).headers["content-length"] == str(len(code))
        assert http.request("POST", location).status == 405
        for wrong in (location[:-2], location + "x", location.rpartition("/")[0] + "/", location[:-1] + "%00"):
            assert http.request("GET", wrong).status == 403
    layer = client.publish_layer_version(LayerName=name, Content={"ZipFile": code})
    assert http.request("GET", layer["Content"]["Location"]).data == code
    client.delete_function(FunctionName=name)
    assert http.request("GET", location).status == 404
    assert location.rpartition("/")[2] not in server.log.read_text()
