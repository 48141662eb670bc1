"""environment.image: which images there are, and who may say so. A caller chooses among what the operator allows.

An image is `host`, which is this machine's programs; a name in the operator's folder (a directory with a root file
system, or an archive); or `HOST/REPOSITORY:TAG` in a registry that the operator allows. A name of AWS's own
(`aws/codebuild/standard:7.0`) means what the operator has put into the folder under that name, and nothing else.

Source: AWS CodeBuild User Guide, "Docker images provided by CodeBuild", for the names.
"""

import os
from pathlib import Path
from typing import NamedTuple

from strongroom.base.configuration import Configuration
from strongroom.base.image_registries import AllowedRegistry, parse_image_registries
from strongroom.runners.images.names import FolderImage, RegistryImage, read_image_name
from strongroom.services.codebuild import errors
from strongroom.services.codebuild.project_settings import HOST_IMAGE, Settings

ARCHIVE_SUFFIX = ".tar"


class PlacedImage(NamedTuple):
    """An image in the operator's folder."""

    path: Path


class AllowedImage(NamedTuple):
    """An image in a registry, and the registry that the operator allows."""

    registry: AllowedRegistry
    image: RegistryImage


def find_image(configuration: Configuration, name: str) -> PlacedImage | AllowedImage | None:
    """Return where an image is, None for a name that this server's operator does not allow."""
    wanted = read_image_name(name)
    if isinstance(wanted, RegistryImage):
        for registry in parse_image_registries(configuration.build_registries):
            if registry.host == wanted.host:
                return AllowedImage(registry, wanted)
    if isinstance(wanted, FolderImage) and configuration.build_images is not None:
        place = configuration.build_images / wanted.name
        for path in (place, place.with_name(place.name + ARCHIVE_SUFFIX)):
            found = _placed(configuration.build_images, path)
            if found is not None:
                return found
    return None


def _placed(images: Path, path: Path) -> PlacedImage | None:
    """Return an image in the operator's folder: None for what is outside of it, or is a part of another image.

    What is in an image comes from who made it: a link of theirs must not name a directory of this machine.
    """
    try:
        top, real = images.resolve(strict=True), path.resolve(strict=True)
    except (OSError, RuntimeError):
        return None  # Not there, or links that lead in a circle.
    above = {each for each in path.parents if each.is_relative_to(images)}
    above |= {each for each in real.parents if each.is_relative_to(top)}
    is_inside = real != top and real.is_relative_to(top)
    if not is_inside or any(_has_programs(each) for each in above - {images, top}):
        return None
    return PlacedImage(real) if real.is_dir() or real.is_file() else None


def _has_programs(directory: Path) -> bool:
    """Return whether a directory is a root file system, and no folder of them."""
    return any(os.path.lexists(directory / name) for name in ("bin", "usr"))


def must_be_allowed(configuration: Configuration, settings: Settings) -> None:
    """Raise InvalidInputException for a build environment whose image cannot be had here."""
    name = settings["environment"]["image"]
    if name == HOST_IMAGE:
        return
    if configuration.sandbox == "unsafe":
        raise errors.not_served(f"environment.image {name}", f'without a sandbox it must be "{HOST_IMAGE}".')
    if find_image(configuration, name) is None:
        raise errors.not_served(
            f"environment.image {name}",
            f'it must be "{HOST_IMAGE}" (the programs of this machine, for reading), or an image that the operator '
            "of this server allows by the options build-images and build-registries.",
        )
