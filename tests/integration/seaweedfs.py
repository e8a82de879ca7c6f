"""A real S3 store, SeaweedFS, on free loopback ports with a directory of its own; one for all tests of a process."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

import attrs
from botocore.config import Config
from botocore.session import Session

from tests.integration.server import free_port
from tests.integration.waiting import eventually

__all__ = ["ACCESS_KEY", "CREDENTIALS", "SECRET_KEY", "Place", "SeaweedFS", "shared_seaweedfs"]

ACCESS_KEY = "ftpx-tests"
SECRET_KEY = "a-secret-of-the-tests"
# The variables of a process that speaks to it.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}

_IDENTITIES = {
    "identities": [
        {
            "name": "tests",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
    ]
}
_BUCKET = "tests"
# A volume a bucket at first, and small ones: the disk of a machine that runs tests may be small too.
_ENVIRONMENT = {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}
_OPTIONS = (
    "-ip=127.0.0.1",
    "-ip.bind=127.0.0.1",
    "-filer",
    "-s3",
    "-s3.iam=false",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
    "-master.telemetry=false",
    "-master.volumeSizeLimitMB=1024",
    "-volume.max=200",
    "-volume.readMode=local",
)


class SeaweedFS:
    """
    The server.

    :raises unittest.SkipTest: it is not installed.
    """

    def __init__(self) -> None:
        beside = Path(sys.executable).parent
        self._program = shutil.which("weed", path=os.pathsep.join([str(beside), os.environ.get("PATH", "")]))
        if self._program is None:
            raise unittest.SkipTest("SeaweedFS (weed) is not installed")
        self._folder = Path(tempfile.mkdtemp(prefix="ftpx-seaweedfs-"))
        (self._folder / "data").mkdir()
        (self._folder / "s3.json").write_text(json.dumps(_IDENTITIES), encoding="utf-8")
        self.port = free_port(8)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Where it speaks S3."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, on the data that it has, and wait until it answers."""
        assert self._program is not None
        ports = [
            "-s3.port={}",
            "-s3.port.grpc={}",
            "-filer.port={}",
            "-filer.port.grpc={}",
            "-master.port={}",
            "-master.port.grpc={}",
            "-volume.port={}",
            "-volume.port.grpc={}",
        ]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    self._program,
                    # Only what goes wrong is written.
                    "-logtostderr=true",
                    "-stderrthreshold=ERROR",
                    "server",
                    f"-dir={self._folder / 'data'}",
                    f"-s3.config={self._folder / 's3.json'}",
                    *_OPTIONS,
                    *(option.format(self.port + number) for number, option in enumerate(ports)),
                ],
                cwd=self._folder,
                env={**os.environ, **_ENVIRONMENT, "HOME": str(self._folder)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        eventually(self._answers, seconds=60, pause=0.2, what="SeaweedFS answers")

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            log = (self._folder / "log").read_text(encoding="utf-8", errors="replace")
            raise AssertionError(f"SeaweedFS ended with status {self._process.returncode}:\n{log[-3000:]}")
        client = self.client()
        with contextlib.suppress(Exception):
            # It may be there from before.
            client.create_bucket(Bucket=_BUCKET)
        try:
            client.put_object(Bucket=_BUCKET, Key="ready", Body=b"ready")
        except Exception:
            return False
        return True

    def kill(self) -> None:
        """End the process as a crash would."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(10)

    def remove(self) -> None:
        """End the process and remove its files."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def client(self) -> Any:
        """A client of it, to look at what others have done, with nothing of ftpx. Its methods are made at run time."""
        return Session().create_client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(
                s3={"addressing_style": "path"},
                connect_timeout=2,
                read_timeout=20,
                retries={"total_max_attempts": 1},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def place(self) -> Place:
        """An empty place in a bucket that all have in common; a new bucket takes the server a third of a second."""
        return Place(self, _BUCKET, f"{secrets.token_hex(6)}/")

    def bucket(self) -> Place:
        """A bucket of its own."""
        name = f"ftpx-{secrets.token_hex(6)}"
        self.client().create_bucket(Bucket=name)
        return Place(self, name, "")


@attrs.frozen
class Place:
    """A bucket, or what is below a prefix of one, as somebody sees it who knows nothing of ftpx."""

    server: SeaweedFS
    bucket: str
    prefix: str
    client: Any = attrs.field(init=False, default=attrs.Factory(lambda self: self.server.client(), takes_self=True))

    def address(self, below: str = "") -> str:
        """What names it, or something below it, behind ``object:``."""
        return f"s3://{self.bucket}/{self.prefix}{below}?endpoint={self.server.endpoint}"

    def put(self, key: str, content: bytes) -> None:
        """Store an object."""
        self.client.put_object(Bucket=self.bucket, Key=self.prefix + key, Body=content)

    def get(self, key: str) -> bytes:
        """The content of an object."""
        body: bytes = self.client.get_object(Bucket=self.bucket, Key=self.prefix + key)["Body"].read()
        return body

    def keys(self) -> dict[str, int]:
        """Every object with its size, ftpx's own too."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        found = [each for page in pages for each in page.get("Contents", [])]
        return {each["Key"].removeprefix(self.prefix): each["Size"] for each in found}

    def uploads(self) -> list[dict[str, Any]]:
        """The uploads that are not complete."""
        listed = self.client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])
        return [upload for upload in listed if upload["Key"].startswith(self.prefix)]

    def parts(self) -> dict[int, tuple[int, str]]:
        """The parts of the only upload: sizes, and when each was stored."""
        (upload,) = self.uploads()
        listed = self.client.list_parts(Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"])
        return {part["PartNumber"]: (part["Size"], str(part["LastModified"])) for part in listed.get("Parts", [])}


class _Shared:
    """The server of this process, started by the first test that wants it."""

    def __init__(self) -> None:
        self.server: SeaweedFS | None = None

    def remove(self) -> None:
        if self.server is not None:
            self.server.remove()


_shared = _Shared()
atexit.register(_shared.remove)


def shared_seaweedfs() -> SeaweedFS:
    """
    A server that runs, the same for all tests of this process. Who kills it starts it again.

    :raises unittest.SkipTest: it is not installed.
    """
    if _shared.server is None:
        server = SeaweedFS()
        _shared.server = server
        server.start()
    return _shared.server
