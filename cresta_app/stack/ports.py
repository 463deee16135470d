"""Where the processes listen: the wanted port, or the next one that is free."""

from __future__ import annotations

import socket

from cresta_app.stack.errors import ServiceError

TRIES = 50


def port_choose(host: str, wanted: int, *, taken: frozenset[int] = frozenset()) -> int:
    """The first free port from `wanted` on (0: any), leaving out those in `taken`. Raises `ServiceError`."""
    if not 0 <= wanted < 65536:
        raise ServiceError(f"{wanted} is no port")
    if wanted == 0:
        return _bound(host, 0) or 0
    for port in range(wanted, min(wanted + TRIES, 65536)):
        if port not in taken and _bound(host, port):
            return port
    raise ServiceError(f"no port is free on {host} from {wanted} to {wanted + TRIES - 1}")


def _bound(host: str, port: int) -> int | None:
    """Bind the port for a moment. Returns its number, or none if somebody has it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As the servers do: a connection that lingers from the last run is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except PermissionError:
            raise ServiceError(f"port {port} is not ours to use; choose one above 1023") from None
        except socket.gaierror:
            raise ServiceError(f"{host} is not an address of this machine") from None
        except OSError:
            return None
        return int(probe.getsockname()[1])
