"""A client of S3: its credentials, its signatures, and how it finds the bucket."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ftpx.errors import ConfigurationError
from ftpx.storage.objects.address import ObjectAddress
from ftpx.storage.objects.s3_transport import S3Transport

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.session import Session

__all__ = ["s3_client"]

# Where there is an endpoint, most services do not mind which region a signature names.
_ANY_REGION: Final = "us-east-1"


def s3_client(address: ObjectAddress, clock: Callable[[], float]) -> BaseClient:
    """
    A client for the service of an address. Nothing is sent, unless the credentials are asked for from a role of this
    machine.

    :raises ConfigurationError: there are no credentials, or a region is missing.
    """
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    try:
        session = _session(address)
        region = address.region or session.get_config_variable("region")
        if region is None and address.endpoint is None:
            raise ConfigurationError("object: s3:// wants ?region=NAME, or the region of a profile.")
        client: BaseClient = session.create_client(
            "s3",
            endpoint_url=address.endpoint,
            region_name=region or _ANY_REGION,
            config=Config(**_settings(address)),
        )
        authorities = session.get_config_variable("ca_bundle")
        S3Transport(address.endpoint, authorities=authorities, clock=clock).attach(client)
    except (BotoCoreError, ValueError) as error:
        # Its text may hold what stands in the files of credentials.
        raise ConfigurationError(f"object: s3:// cannot be used as it is set up ({type(error).__name__}).") from None
    return client


def _settings(address: ObjectAddress) -> dict[str, Any]:
    return {
        "signature_version": "s3v4",
        "s3": {"addressing_style": _style(address), "us_east_1_regional_endpoint": "regional"},
        # Others' stores do not know Amazon's newer checksums; what is sent has its MD5 with it.
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        # The address says where to go, and nothing else does.
        "ignore_configured_endpoint_urls": True,
        # `Retries` does this.
        "retries": {"total_max_attempts": 1, "mode": "standard"},
    }


def _session(address: ObjectAddress) -> Session:
    from botocore.exceptions import ProfileNotFound
    from botocore.session import Session

    session = Session(profile=address.profile)
    # The address of a cloud's metadata answers nobody outside of one: do not wait long for it.
    session.set_config_variable("metadata_service_timeout", 1)
    session.set_config_variable("metadata_service_num_attempts", 1)
    try:
        credentials = session.get_credentials()
    except ProfileNotFound:
        raise ConfigurationError(f"object: there is no profile {address.profile!r}.") from None
    if credentials is None:
        raise ConfigurationError(
            "object: s3:// found no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a ?profile=."
        )
    return session


def _style(address: ObjectAddress) -> str:
    if address.path_style is None:
        return "auto" if address.endpoint is None else "path"
    return "path" if address.path_style else "virtual"
