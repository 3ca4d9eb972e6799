import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from launcher import ports
from launcher.errors import AccessError, PortTakenError
from launcher.ports import Port, Published

TCP = Port("DEPLOY_ONE_PORT", 1, "one")
UDP = Port("DEPLOY_TWO_PORT", 2, "two", protocol="udp")


@contextmanager
def _bound(kind: socket.SocketKind) -> Iterator[int]:
    with closing(socket.socket(socket.AF_INET, kind)) as holder:
        holder.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            holder.listen()
        yield holder.getsockname()[1]


def _published(port: Port, number: int, address: str = "127.0.0.1") -> Published:
    return Published(port, number, port.inner, address)


def _free() -> int:
    with _bound(socket.SOCK_STREAM) as number:
        return number


def test_free_ports_pass() -> None:
    ports.check([_published(TCP, _free()), _published(UDP, _free())], frozenset(), {})


def test_every_taken_port_is_named_with_its_variable_and_its_holder() -> None:
    with (
        _bound(socket.SOCK_STREAM) as tcp,
        _bound(socket.SOCK_DGRAM) as udp,
        pytest.raises(PortTakenError) as error,
    ):
        ports.check([_published(TCP, tcp), _published(UDP, udp)], frozenset(), {})
    lines = error.value.message.splitlines()[1:]
    assert [line.split()[0] for line in lines] == [f"{tcp}/tcp", f"{udp}/udp"]
    assert lines[0].endswith("set DEPLOY_ONE_PORT")
    assert lines[1].endswith("set DEPLOY_TWO_PORT")
    assert all(f"(pid {os.getpid()})" in line for line in lines)
    assert error.value.exit_code == 76


def test_a_container_is_named_rather_than_the_engines_proxy() -> None:
    with _bound(socket.SOCK_STREAM) as tcp, pytest.raises(PortTakenError, match="the container web"):
        ports.check([_published(TCP, tcp)], frozenset(), {tcp: "the container web"})


def test_ports_of_the_container_to_be_replaced_count_as_free() -> None:
    with _bound(socket.SOCK_STREAM) as tcp:
        ports.check([_published(TCP, tcp)], frozenset({(tcp, "tcp")}), {})


def test_a_port_held_on_another_address_is_free() -> None:
    with _bound(socket.SOCK_STREAM) as tcp:
        ports.check([_published(TCP, tcp, "127.0.0.2")], frozenset(), {})


def test_a_port_held_on_one_address_is_taken_for_all_addresses() -> None:
    with _bound(socket.SOCK_STREAM) as tcp, pytest.raises(PortTakenError):
        ports.check([_published(TCP, tcp, "0.0.0.0")], frozenset(), {})


def test_an_address_that_the_host_lacks_is_named_with_its_variable() -> None:
    with pytest.raises(AccessError) as error:
        ports.check([_published(TCP, _free(), "192.0.2.77")], frozenset(), {})
    assert "192.0.2.77" in error.value.message
    assert "DEPLOY_BIND_ADDR" in error.value.todo


def test_a_connection_in_time_wait_does_not_hold_its_port() -> None:
    with closing(socket.socket()) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 0))
        server.listen()
        number = server.getsockname()[1]
        with closing(socket.create_connection(("127.0.0.1", number))) as client:
            accepted, _ = server.accept()
            accepted.close()  # the side that closes first keeps the port in TIME_WAIT
            client.recv(1)
    ports.check([_published(TCP, number)], frozenset(), {})
