"""Our own protocol's way in: one path for a whole company, and an API key."""

from __future__ import annotations

from accounts.permissions import Scope
from accounts.services import api_key_find
from conversations.live.wire import Admission, CloseCode, LineRequest, LineVendor, ProtocolError
from integrations.telephony.native.codec import PATH, SOURCE, NativeCodec


class NativeVendor(LineVendor):
    """Lines that keep what was not acknowledged, and resume exactly."""

    source = SOURCE
    prefix = PATH
    live = False

    def codec(self, request: LineRequest) -> NativeCodec:
        return NativeCodec()

    def admit(self, request: LineRequest) -> Admission:
        """Check the API key. Raises `ProtocolError`."""
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise ProtocolError(CloseCode.NO_KEY, "an API key is required: Authorization: Bearer")
        key = api_key_find(secret=secret.strip())
        if key is None:
            raise ProtocolError(CloseCode.NO_KEY, "this API key is not valid here")
        if Scope.INGEST not in key.scopes:
            raise ProtocolError(CloseCode.NOT_ALLOWED, "this API key is not for audio")
        return Admission()
