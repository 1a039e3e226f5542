"""The software bill of materials of a release, in CycloneDX: what the image and the Glue jobs consist of.

Belongs here: reading the locks of the image, the base image and the files of the release, and writing the document.
Does not belong here: building the files (see `artefacts`), searching vulnerabilities (`make audit`).

The same release gives the same bytes: the document has no time, and its serial number is derived from its components.
It is written beside the release and is no part of it, since the locks of the image decide nothing that a job runs.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

import finance_platform
from finance_platform.deployment.artefacts import Release, read_release
from finance_platform.errors import ArtefactsError

FILE_NAME = "sbom.cdx.json"
SCHEMA = SchemaVersion.V1_6
IMAGE_LOCKS = ("requirements-image.txt", "requirements-spark.txt")
"""The lock files of the image, in the folder `infra`."""

_PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==([^\s;\\]+)", re.MULTILINE)
_BASE_IMAGE = re.compile(r"^FROM ([a-z/]+):(\S+)@sha256:([0-9a-f]{64})", re.MULTILINE)


def write_sbom(dist: Path, project: Path) -> Path:
    """Write the document of the release in a folder, and return its path.

    Args:
        dist: the folder that `make dist` built.
        project: the checkout, with the locks of the image and its Dockerfile.

    Raises:
        ArtefactsError: there is no release, or the Dockerfile names its base image without a digest.
    """
    release = read_release(dist)
    lock = "\n".join((project / "infra" / name).read_text(encoding="utf-8") for name in IMAGE_LOCKS)
    dockerfile = (project / "infra" / "Dockerfile").read_text(encoding="utf-8")
    name = "finance-platform"
    root = Component(name=name, version=release.identifier, type=ComponentType.APPLICATION, bom_ref=name)
    components = [*_packages(lock), _base_image(dockerfile), *_files(release)]
    names = json.dumps(sorted(f"{item.type.value} {item.name} {item.version or ''}" for item in components))
    bom = Bom(components=components, serial_number=uuid5(NAMESPACE_URL, release.identifier + names))
    bom.metadata.component = root
    bom.register_dependency(root, components)
    document = json.loads(make_outputter(bom, OutputFormat.JSON, SCHEMA).output_as_string())
    # The library always adds the present time, which the schema does not require.
    del document["metadata"]["timestamp"]
    path = dist / FILE_NAME
    path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path


def _packages(lock: str) -> Iterator[Component]:
    """Yield the Python packages of the image."""
    for name, version in _PIN.findall(lock):
        purl = PackageURL("pypi", name=name, version=version)
        yield Component(name=name, version=version, purl=purl, bom_ref=purl.to_string())


def _base_image(dockerfile: str) -> Component:
    found = _BASE_IMAGE.search(dockerfile)
    if found is None:
        raise ArtefactsError("infra/Dockerfile names no base image with a digest", fix="append @sha256:… to its tag")
    name, tag, digest = found.groups()
    return Component(
        name=name,
        version=tag,
        type=ComponentType.CONTAINER,
        bom_ref=f"image:{name}",
        purl=PackageURL("docker", name=name, version=f"sha256:{digest}"),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
    )


def _files(release: Release) -> Iterator[Component]:
    """Yield the files that Glue runs, the wheels among them."""
    for file in release.files:
        yield Component(
            name=file.path.name,
            type=ComponentType.FILE,
            bom_ref=f"file:{file.path.name}",
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=file.sha256)],
            properties=[Property(name="finance-platform:key", value=file.key)],
        )


if __name__ == "__main__":
    checkout = Path(str(finance_platform.__file__)).parents[1]
    sys.stdout.write(f"{write_sbom(Path(sys.argv[1]), checkout)}\n")
