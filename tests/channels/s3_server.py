"""An S3 store: moto's, in a thread of this process, which knows one account and checks every signature."""

from __future__ import annotations

import json
import logging

import boto3  # type: ignore[import-untyped]
import httpx
from moto.s3.models import S3Backend, s3_backends
from moto.server import ThreadedMotoServer

from tests.channels.wire import Wire

BUCKET = "water"
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


class S3Server:
    """The store, and a wire to it that can be cut."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        host, port = self.server.get_host_and_port()
        self.own = f"http://{host}:{port}"
        self.wire = Wire(host, port)
        self.endpoint = f"http://127.0.0.1:{self.wire.port}"
        self._tell("reset", "")
        iam = boto3.client(
            "iam", endpoint_url=self.own, aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
        )
        iam.create_user(UserName="hub")
        key = iam.create_access_key(UserName="hub")["AccessKey"]
        self.user, self.secret = key["AccessKeyId"], key["SecretAccessKey"]
        iam.put_user_policy(UserName="hub", PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
        self.store.create_bucket(BUCKET, "us-east-1")
        self._tell("reset-auth", "0")  # from now on nobody may do anything whose signature is not right

    @property
    def store(self) -> S3Backend:
        """What it holds, without a request."""
        return s3_backends["123456789012"]["aws"]

    def put(self, key: str, content: bytes) -> None:
        self.store.put_object(BUCKET, key, content)

    def close(self) -> None:
        self.wire.close()
        self._tell("reset-auth", "inf")
        self._tell("reset", "")
        self.server.stop()

    def _tell(self, what: str, content: str) -> None:
        httpx.post(f"{self.own}/moto-api/{what}", content=content).raise_for_status()
