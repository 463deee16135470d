"""Where files lie: a folder, S3 or what speaks like it, or any backend of django-storages; from the environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cresta_app import env

PART_BYTES = 8 * 1024 * 1024


def file_storage(folder: Path) -> dict[str, Any]:
    """Return the entry for Django's STORAGES. `folder` is used where nothing else is set.

    `STORAGE_BACKEND` is empty, `s3`, or the path of a backend; `STORAGE_OPTIONS` (JSON) goes over what is set here.
    """
    backend = env.text("STORAGE_BACKEND")
    options: dict[str, Any] = json.loads(env.text("STORAGE_OPTIONS", "{}"))
    bucket = {
        "bucket_name": env.text("S3_BUCKET"),
        "endpoint_url": env.text("S3_ENDPOINT_URL"),
        "region_name": env.text("S3_REGION"),
        "access_key": env.text("S3_ACCESS_KEY_ID"),
        "secret_key": env.text("S3_SECRET_ACCESS_KEY"),
        "location": env.text("S3_PREFIX"),
    }
    if backend == "s3":
        if not (bucket["bucket_name"] or options.get("bucket_name")):
            raise env.EnvError("STORAGE_BACKEND=s3 needs S3_BUCKET")
        given = {name: value for name, value in bucket.items() if value}
        return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {**_s3(), **given, **options}}
    if not backend:
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": options or {"location": folder},
        }
    return {"BACKEND": backend, "OPTIONS": options}


def _s3() -> dict[str, Any]:
    # Only an installation that uses S3 loads its client.
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config

    return {
        "default_acl": None,
        # As in a folder: whoever saves under a name that is taken gets another.
        "file_overwrite": False,
        "querystring_auth": True,
        # Big files go in parts, two at a time: that is what an upload takes of memory.
        "transfer_config": TransferConfig(
            multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=2
        ),
        # Short patience: who waits is a job that is tried again, or a person.
        "client_config": Config(
            signature_version="s3v4",
            connect_timeout=5,
            read_timeout=30,
            retries={"mode": "standard", "max_attempts": 3},
        ),
    }
