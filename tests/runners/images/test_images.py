"""Whole images: from archives and registries, held to their digests, unpacked once."""

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.runners.images.made import Blobs, config, digest, docker_archive, entry, layer, link, registry
from tests.running_server import RunningServer

from strongroom.base.errors import OperatorError
from strongroom.base.image_registries import AllowedRegistry, parse_image_registries
from strongroom.runners.images import cache as images_cache
from strongroom.runners.images.archives import ArchivedImage
from strongroom.runners.images.bounds import Bounds
from strongroom.runners.images.cache import ImageCache, RootFileSystem
from strongroom.runners.images.names import FolderImage, RegistryImage, read_image_name
from strongroom.runners.images.refusals import ImageRefused
from strongroom.runners.images.registries import PulledImage

LOWER = layer(entry("etc/file", "lower"), entry("gone", "x"))
UPPER = layer(entry("etc/file", "upper"), entry(".wh.gone"), link("link", "etc/file"))
DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def cache(tmp_path: Path) -> ImageCache:
    return ImageCache(tmp_path / "cache")


def from_archive(cache: ImageCache, path: Path) -> RootFileSystem:
    with ArchivedImage(path) as image:
        return cache.root_of(image, Bounds())


def pull(cache: ImageCache, host: str, name: str, **members: Any) -> RootFileSystem:
    wanted = read_image_name(f"{host}/{name}")
    assert isinstance(wanted, RegistryImage)
    allowed = AllowedRegistry(host, is_plain=True)
    with PulledImage(allowed, wanted, cache.scratch(), Bounds(**members)) as image:
        return cache.root_of(image, Bounds(**members))


def kept(cache: ImageCache) -> list[str]:
    return sorted(path.name for path in cache.directory.iterdir()) if cache.directory.exists() else []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("app", FolderImage("app")),
        ("aws/codebuild/standard:7.0", FolderImage("aws/codebuild/standard:7.0")),
        ("example.com/app", RegistryImage("example.com", "app", "latest")),
        ("localhost:5000/team/app:1.2", RegistryImage("localhost:5000", "team/app", "1.2")),
        (f"r.example.com/a/b:t@{DIGEST}", RegistryImage("r.example.com", "a/b", "t", DIGEST)),
        *((name, None) for name in ("", "/etc", "../etc", "a/../b", "a//b", ".hidden", "a/.hidden", "a\0b", "a b")),
        *((name, None) for name in ("example.com/App", "example.com/app:", "example.com/app@sha256:1", "e.com/a/../b")),
        ("x" * 600, None),
    ],
)
def test_names(name: str, meant: object) -> None:
    assert read_image_name(name) == meant


def test_registries_that_an_operator_names() -> None:
    assert parse_image_registries(["r.example.com", "http://localhost:5000", "https://r:1"]) == (
        AllowedRegistry("r.example.com", is_plain=False),
        AllowedRegistry("localhost:5000", is_plain=True),
        AllowedRegistry("r:1", is_plain=False),
    )
    for text in ("", "ftp://r", "r/path", "user@r", "R.example.com", "http://", "r:99999999"):
        with pytest.raises(OperatorError):
            parse_image_registries([text])


@pytest.mark.parametrize("kind", ["docker", "layout"])
def test_an_archive_is_unpacked_once(cache: ImageCache, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "image.tar"
    settings = config(LOWER, UPPER, Env=["PATH=/bin", "NOT A NAME=x", "A=b=c"], User="ann")
    if kind == "docker":
        docker_archive(path, LOWER, UPPER, settings=settings)
    else:
        Blobs(LOWER, UPPER, settings=settings).layout(path)
    found = from_archive(cache, path)
    assert found.variables == {"PATH": "/bin", "A": "b=c"}
    assert sorted(os.listdir(found.path)) == ["etc", "link"]
    assert (found.path / "etc/file").read_text() == "upper"
    assert kept(cache) == [digest(settings).partition(":")[2]]
    before = found.path.stat().st_ino
    again = from_archive(cache, path)
    assert again.path.stat().st_ino == before
    for each in (found, again):
        each.release()
        each.release()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (config(UPPER, LOWER), "does not have the digest"),
        (config(LOWER), "different layers"),
        (config(LOWER, UPPER).replace(b'"linux"', b'"windows"'), "windows/"),
        (config(LOWER, UPPER).replace(b"sha256", b"md5"), "SHA-256"),
        (b"no json", "no JSON"),
        (b"[]", "no proper os"),
    ],
)
def test_an_archive_that_is_not_what_it_says(cache: ImageCache, tmp_path: Path, settings: bytes, told: str) -> None:
    with pytest.raises(ImageRefused, match=told):
        from_archive(cache, docker_archive(tmp_path / "image.tar", LOWER, UPPER, settings=settings))
    assert kept(cache) == []


def test_what_is_no_archive_of_one_image(cache: ImageCache, tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    for content, told in (
        (b"nothing", "no TAR archive"),
        (layer(entry("file", "x")), "neither manifest.json nor index.json"),
        (layer(entry("manifest.json", "[]")), "exactly one image"),
        (layer(entry("manifest.json", '[{"Config": "../../etc/passwd", "Layers": []}]')), "has no "),
        (layer(entry("index.json", "{}")), "kind that is not known"),
    ):
        path.write_bytes(content)
        with pytest.raises(ImageRefused, match=told):
            from_archive(cache, path)


def test_a_registry_is_asked_as_everybody(cache: ImageCache) -> None:
    blobs = Blobs(LOWER, UPPER)
    with registry(team_app__1=blobs) as server:
        found = pull(cache, server.host, "team_app:1")
        assert (found.path / "etc/file").read_text() == "upper"
        assert server.asked.count("/token") == 1
        # The next one asks what the tag means now, and has the layers.
        pull(cache, server.host, f"team_app:1@{blobs.manifest['digest']}").release()
        layers = [part["digest"] for part in json.loads(blobs.by_digest[blobs.manifest["digest"]])["layers"]]
        for each in layers:
            assert sum(each in path for path in server.asked if path.startswith("/elsewhere/")) == 1
        found.release()


def test_a_registry_that_sends_something_else(cache: ImageCache) -> None:
    blobs = Blobs(LOWER, UPPER)
    packed = json.loads(blobs.by_digest[blobs.manifest["digest"]])["layers"][0]
    with registry(app__1=blobs) as server:
        for wanted in (packed["digest"], blobs.manifest["digest"]):
            server.replaced = {wanted: blobs.by_digest[wanted][:-1] + b"x"}
            with pytest.raises(ImageRefused, match=r"something else|the digest|no JSON"):
                pull(cache, server.host, "app:1")
        server.replaced = {packed["digest"]: bytes(packed["size"] + 1)}
        with pytest.raises(ImageRefused, match="larger than it says"):
            pull(cache, server.host, "app:1")
        server.replaced = {}
        with pytest.raises(ImageRefused, match="for everybody"):
            pull(cache, server.host, "app:2")
        with pytest.raises(ImageRefused, match="too long"):
            pull(cache, server.host, "app:1", seconds=-1.0)
        server.realm_scheme = "file"
        with pytest.raises(ImageRefused, match="not safe to follow"):
            pull(cache, server.host, "app:1")
    with pytest.raises(ImageRefused, match="cannot be reached"):
        pull(cache, server.host, "app:1")
    assert kept(cache) == []


@pytest.mark.parametrize("part", ["/manifests/", "/token", "/elsewhere/"])
def test_a_registry_that_takes_its_time(cache: ImageCache, part: str) -> None:
    with registry(app__1=Blobs(LOWER)) as server:
        server.trickling = part
        began = time.monotonic()
        with pytest.raises(ImageRefused, match="takes too long"):
            pull(cache, server.host, "app:1", seconds=0.3)
        # All of it would take more than four seconds.
        assert time.monotonic() - began < 3


def test_the_disk_keeps_room_for_others(cache: ImageCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strongroom.runners.images.bounds.FREE_BYTES_LEAST", 2**62)
    with pytest.raises(ImageRefused, match="no room"):
        from_archive(cache, docker_archive(tmp_path / "image.tar", LOWER))
    with registry(app__1=Blobs(LOWER)) as server, pytest.raises(ImageRefused, match="no room"):
        pull(cache, server.host, "app:1")
    assert kept(cache) == []


def test_images_have_no_more_than_so_many_bytes(
    cache: ImageCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("strongroom.runners.images.cache.IMAGES_BYTES_MAX", 250)
    roots = []
    for number in range(3):
        path = docker_archive(tmp_path / "image.tar", layer(entry("number", str(number) * 100)))
        roots.append(from_archive(cache, path))
        os.utime(roots[-1].path.parent / "config.json", (number, number))
        roots[-1].release()
    assert [root.path.exists() for root in roots] == [False, True, True]


def test_a_registry_must_prove_who_it_is(
    cache: ImageCache, server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = server.https.removeprefix("https://")
    wanted = read_image_name(f"{host}/app")
    assert isinstance(wanted, RegistryImage)
    for authorities, told in (
        (None, "certificate is not trusted"),
        (server.ca_bundle, "status|for everybody|lets nobody in"),
    ):
        if authorities is not None:
            monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
        with pytest.raises(ImageRefused, match=told):
            PulledImage(AllowedRegistry(host, is_plain=False), wanted, cache.scratch(), Bounds())


def test_zstandard_is_refused_by_its_name(cache: ImageCache) -> None:
    try:
        import compression.zstd  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        pass
    else:
        pytest.skip("this Python reads zstd")
    blobs = Blobs(LOWER)
    frame = b"\x28\xb5\x2f\xfd" + bytes(20)
    packed = json.loads(blobs.by_digest[blobs.manifest["digest"]])["layers"][0]["digest"]
    with registry(app__1=blobs) as server:
        manifest = blobs.by_digest[blobs.manifest["digest"]].replace(packed.encode(), digest(frame).encode())
        blobs.by_digest |= {digest(frame): frame, digest(manifest): manifest}
        with pytest.raises(ImageRefused, match="zstd"):
            pull(cache, server.host, f"app:1@{digest(manifest)}")


def test_many_at_once_make_one(cache: ImageCache, tmp_path: Path) -> None:
    path = docker_archive(tmp_path / "image.tar", LOWER, UPPER)
    found: list[RootFileSystem] = []
    threads = [threading.Thread(target=lambda: found.append(from_archive(cache, path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each.path.stat().st_ino for each in found}) == 1
    assert len(kept(cache)) == 1


def test_what_nobody_uses_goes_first(cache: ImageCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strongroom.runners.images.cache.IMAGES_MAX", 2)
    (cache.scratch() / ".new-dead").mkdir()
    (cache.directory / ".new-dead" / "lock").touch()
    roots = []
    for number in range(4):
        content = layer(entry("number", str(number)))
        roots.append(from_archive(cache, docker_archive(tmp_path / "image.tar", content)))
        os.utime(roots[-1].path.parent / "config.json", (number, number))
        if number == 1:
            roots[1].release()
    # The first one is in use, the second one is not.
    assert [root.path.exists() for root in roots] == [True, False, True, True]
    assert not (cache.directory / ".new-dead").exists()


def test_a_server_that_is_killed_while_it_removes_an_image_can_have_it_again(
    cache: ImageCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images_cache, "IMAGES_MAX", 1)
    first = docker_archive(tmp_path / "first.tar", LOWER)
    second = docker_archive(tmp_path / "second.tar", UPPER)
    from_archive(cache, first).release()
    process = os.fork()
    if process == 0:
        images_cache.remove_tree = lambda path: (path.exists() and os.kill(os.getpid(), signal.SIGKILL)) or None
        from_archive(cache, second)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(process, 0)[1]) == signal.SIGKILL
    assert any(name.startswith(".new-") for name in kept(cache))
    found = from_archive(cache, first)
    assert (found.path / "etc/file").read_text() == "lower"
    found.release()
    assert kept(cache) == [digest(config(LOWER)).partition(":")[2]]


@pytest.mark.parametrize("lost", [("config.json",), ("config.json", "lock")])
def test_half_an_image_under_its_name_is_made_anew(cache: ImageCache, tmp_path: Path, lost: tuple[str, ...]) -> None:
    archive = docker_archive(tmp_path / "image.tar", LOWER)
    found = from_archive(cache, archive)
    found.release()
    for name in lost:
        (found.path.parent / name).unlink()
    (found.path / "etc/file").unlink()
    again = from_archive(cache, archive)
    assert (again.path / "etc/file").read_text() == "lower"
    again.release()
