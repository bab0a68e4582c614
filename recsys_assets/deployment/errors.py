"""Settings that cannot be: told by the variables of the environment that hold them."""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

_VARIABLES = {
    "name": "RECSYS_DEPLOYMENT",
    "root": "RECSYS_HOME",
    "master": "RECSYS_SPARK_MASTER",
    "driver_memory": "RECSYS_SPARK_MEMORY",
    "spark.driver_memory": "RECSYS_SPARK_MEMORY",
    "host": "RECSYS_DATABRICKS_HOST",
    "volume": "RECSYS_DATABRICKS_VOLUME",
    "wheel": "RECSYS_DATABRICKS_WHEEL",
    "timeout_seconds": "RECSYS_DATABRICKS_TIMEOUT",
    "cluster": "RECSYS_DATABRICKS",
    "email": "RECSYS_SMTP",
    "server": "RECSYS_SMTP",
    "server.sender": "RECSYS_DIGEST_SENDER",
    "webhook.bearer_token": "RECSYS_WEBHOOK_TOKEN",
    "pagerduty.routing_key": "RECSYS_PAGERDUTY_KEY",
    "routes": "RECSYS_ALERT_ROUTES",
    "signing_key": "RECSYS_UNSUBSCRIBE_KEY",
}
"""Settings, or the first parts of their names, that are called otherwise than their variables."""


class DeploymentError(Exception):
    """The environment describes no deployment; the message names the variable."""


@contextmanager
def naming_variables() -> Iterator[None]:
    """Within it a setting that cannot be is told by its variable, and without its value.

    Raises:
        DeploymentError: a variable holds what it cannot.
    """
    try:
        yield
    except ValidationError as error:
        # Without its cause: that one quotes the values, which may be secret.
        raise DeploymentError(
            "; ".join(_told(found["loc"], found["msg"]) for found in error.errors())
        ) from None


def _told(place: tuple[int | str, ...], message: str) -> str:
    message = message.removeprefix("Value error, ")
    return f"{variable_of(place)}: {message}" if place else message


def variable_of(place: tuple[int | str, ...]) -> str:
    """The variable of a setting, with the place within it where it holds a list.

    >>> variable_of(("email", "port")), variable_of(("routes", 0, "channels"))
    ('RECSYS_SMTP_PORT', 'RECSYS_ALERT_ROUTES[0].channels')
    """
    index = next((at for at, part in enumerate(place) if isinstance(part, int)), len(place))
    names = [str(part) for part in place[:index]]
    known = next((n for n in range(len(names), 0, -1) if ".".join(names[:n]) in _VARIABLES), 0)
    start = _VARIABLES[".".join(names[:known])] if known else "RECSYS"
    variable = "_".join([start, *(name.upper() for name in names[known:])])
    within = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in place[index:])
    return variable + "".join(within)
