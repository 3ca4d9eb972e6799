"""A client of the 6.0 API: one session, typed errors, another try only where a call cannot have taken place.

>>> api = Api("http://localhost:2633/RPC2", credentials)
>>> api.call("one.vm.action", "resume", 7)
7
"""

import http.client
import threading
import xmlrpc.client
from typing import Any, ClassVar

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from onelib.auth import Credentials
from onelib.errors import OneError
from onelib.template_xml import Element, parse_root

DEFAULT_ENDPOINT = "http://localhost:2633/RPC2"
MAX_ELEMENTS = 5_000_000
Parameter = str | int | bool | list[int]


class ApiError(OneError):
    """The server refused a call; ``code`` is that of the answer (0x0100 authentication, 0x0400 no such object ...)."""

    exit_code: ClassVar[int] = 255

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class UnreachableError(OneError):
    """The server does not answer."""

    exit_code: ClassVar[int] = 69


class _RefusedError(Exception):
    """No connection was made: the call did not take place."""


class _Transport(xmlrpc.client.Transport):
    """Connections that stay open, with a time limit."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def make_connection(self, host: Any) -> http.client.HTTPConnection:  # noqa: ANN401 (as xmlrpc.client)
        connection = super().make_connection(host)
        connection.timeout = self._seconds
        if connection.sock is None:
            try:
                connection.connect()
            except OSError as error:
                self.close()
                raise _RefusedError(error.strerror or str(error)) from error
        return connection


class _TlsTransport(_Transport, xmlrpc.client.SafeTransport):  # type: ignore[misc]  # makes SafeTransport's connection
    """The same over TLS; certificates are checked against the system's, or against ``$SSL_CERT_FILE``."""


class Api:
    """Calls as one user; safe from several threads, each with a connection of its own.

    ``seconds`` is how long an answer may take, ``patience`` how long a server that refuses connections is asked again.
    """

    def __init__(
        self, endpoint: str, credentials: Credentials, *, seconds: float = 60, patience: float = 0
    ) -> None:
        self.endpoint = endpoint
        self._credentials = credentials
        self._seconds = seconds
        self._retrying = Retrying(
            retry=retry_if_exception_type(_RefusedError),
            stop=stop_after_delay(patience),
            wait=wait_exponential(multiplier=0.05, max=2),
            reraise=True,
        )
        self._local = threading.local()

    @property
    def user(self) -> str:
        """Who calls."""
        return self._credentials.user

    def close(self) -> None:
        """Close this thread's connection; the next call makes another."""
        proxy: xmlrpc.client.ServerProxy | None = getattr(self._local, "proxy", None)
        if proxy is not None:
            proxy("close")()
            self._local.proxy = None

    def call(self, method: str, *parameters: Parameter) -> Any:  # noqa: ANN401 (int, str or bool by the method)
        """The result of ``method``. Raises :class:`ApiError` or :class:`UnreachableError`."""
        try:
            answer = self._retrying(self._send, method, parameters)
        except xmlrpc.client.Fault as fault:
            raise ApiError(fault.faultString, fault.faultCode) from None
        except (OSError, _RefusedError, http.client.HTTPException, xmlrpc.client.Error) as error:
            raise UnreachableError(
                f"The API at {self.endpoint} does not answer: {error}.", todo="Start oned, or name its address."
            ) from None
        if answer[0]:
            return answer[1]
        raise ApiError(answer[1], answer[2])

    def xml(self, method: str, *parameters: Parameter) -> Element:
        """The result of ``method``, a document. Raises as :meth:`call`."""
        return parse_root(self.call(method, *parameters), MAX_ELEMENTS)

    def _send(self, method: str, parameters: tuple[Parameter, ...]) -> Any:  # noqa: ANN401 (as xmlrpc.client)
        proxy: xmlrpc.client.ServerProxy | None = getattr(self._local, "proxy", None)
        if proxy is None:
            transport = _TlsTransport if self.endpoint.lower().startswith("https:") else _Transport
            proxy = self._local.proxy = xmlrpc.client.ServerProxy(
                self.endpoint, transport=transport(self._seconds), allow_none=False
            )
        return getattr(proxy, method)(self._credentials.session, *parameters)
