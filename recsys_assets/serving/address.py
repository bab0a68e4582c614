"""Where somebody may listen: an address by its number, with a port that is free."""

import socket


class ListenError(Exception):
    """An address that nobody can listen on now; the message says why and what to do."""


def free_address(host: str, port: int) -> str:
    """The number of a host's address, if nobody listens on the port there.

    Granian shares ports: of two services on one port each would get a part of the requests, and
    nobody would be told. Dagster's and MLflow's pages say that they serve before they fail.

    Raises:
        ListenError: the address is not this machine's, or somebody listens there already.
    """
    try:
        # Granian takes nothing but numbers, and a name may have several.
        known = socket.getaddrinfo("127.0.0.1" if host == "localhost" else host, port)
        family, _, _, _, address = known[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # Connections that have just ended do not keep a port; whoever listens does.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise ListenError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another port"
        ) from error
    return str(address[0])
