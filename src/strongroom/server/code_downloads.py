"""Archives of functions and layers, for whoever has the address that GetFunction or GetLayerVersion gave out."""

from strongroom.base.errors import AwsError
from strongroom.operations.house import House
from strongroom.server.admin import plain
from strongroom.services.lambda_.code_location import PATH, archive_at
from strongroom.wire.http import HttpRequest, HttpResponse

CODE_PATH = PATH.encode()


class CodeDownloads:
    """Answers `GET` below `CODE_PATH`. The address is the permission: it is sealed, and ends after some minutes."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request. An address that is foreign, or over, is 403; code that was deleted meanwhile 404."""
        if request.method not in ("GET", "HEAD"):
            return plain(405, "Method Not Allowed", (b"allow", b"GET, HEAD"))
        token = request.raw_path[len(CODE_PATH) :].decode("latin-1")
        try:
            archive = await archive_at(self._house, token)
        except AwsError as error:
            return plain(error.status, "Not Found" if error.status == 404 else "Error")
        if archive is None:
            return plain(403, "Forbidden")
        headers = [(b"content-type", b"application/zip"), (b"cache-control", b"no-store")]
        if request.method == "HEAD":
            return HttpResponse(200, [*headers, (b"content-length", b"%d" % len(archive))])
        return HttpResponse(200, headers, archive)
