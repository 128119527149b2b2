"""HTTP connections to public addresses only: a list of strangers' addresses must not make this machine ask its own network.

The address is looked at once the connection stands and before anything is sent: what a name resolved to a moment earlier may be another.
"""

import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from models.geometry.mesh_error import MeshError


class PublicNetwork(HTTPAdapter):
    """An adapter of `requests`, asked at every step of a redirect; raises MeshError `unsafe_uri` for an address that is not public.

    Behind a proxy, which resolves names itself, only addresses written as numbers can be judged here.
    """

    def __init__(self, open_hosts: frozenset[str] = frozenset()) -> None:
        """open_hosts: lower-case hosts that may be anywhere."""
        super().__init__()
        self._open_hosts, self._anywhere = open_hosts, HTTPAdapter()

    def close(self) -> None:
        """Close all connections."""
        super().close()
        self._anywhere.close()

    def init_poolmanager(self, *arguments: Any, **settings: Any) -> None:
        """Use the connections of this file."""
        super().init_poolmanager(*arguments, **settings)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def send(self, request: requests.PreparedRequest, *arguments: Any, **settings: Any) -> requests.Response:
        """Send to an open host or a public address."""
        host = urlsplit(request.url or "").hostname or ""
        if host in self._open_hosts:
            return self._anywhere.send(request, *arguments, **settings)
        if _is_number(host):
            check_public(host, host)
        return super().send(request, *arguments, **settings)


def check_public(address: str, host: str) -> None:
    """Raise MeshError `unsafe_uri` for an address that is private, loopback, link-local, reserved or of a group."""
    number = ipaddress.ip_address(address.partition("%")[0])
    if not number.is_global or number.is_multicast:
        raise MeshError("unsafe_uri", f"{host} is at {address}, which is not a public address: allow the host in assets.private_hosts if it is meant")


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _checked(connection: socket.socket, host: str) -> socket.socket:
    try:
        check_public(connection.getpeername()[0], host)
    except BaseException:
        connection.close()
        raise
    return connection


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn(), self.host)


class _SecureConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn(), self.host)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection
