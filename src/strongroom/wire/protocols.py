"""The protocols that are served, by name. A further protocol is a module and a line here. S3 has its own (`s3`)."""

from strongroom.wire.ec2 import Ec2Protocol
from strongroom.wire.json import JsonProtocol
from strongroom.wire.protocol import WireProtocol
from strongroom.wire.query import QueryProtocol
from strongroom.wire.rest_json import RestJsonProtocol
from strongroom.wire.rpc_cbor import RpcCborProtocol

JSON_1_0: WireProtocol = JsonProtocol("1.0")
JSON_1_1: WireProtocol = JsonProtocol("1.1")
QUERY: WireProtocol = QueryProtocol()
REST_JSON: WireProtocol = RestJsonProtocol()
EC2: WireProtocol = Ec2Protocol()
RPC_CBOR: WireProtocol = RpcCborProtocol()

PROTOCOLS: dict[str, WireProtocol] = {
    protocol.name: protocol for protocol in (JSON_1_0, JSON_1_1, QUERY, REST_JSON, EC2, RPC_CBOR)
}
