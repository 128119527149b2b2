"""A command that somebody stops: it ends what it started, at once, and says so in one line.

Prefect is imported where it is needed: that takes seconds, for which `--help` need not wait.
"""

import signal
import sys

STOPPED = 128
"""Plus the number of the signal: the exit status of what a signal ended."""


def end_cleanly_on_sigterm() -> None:
    """Turn SIGTERM into a normal exit, so that the temporary Prefect server and local Ray workers are stopped with the flow."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(STOPPED + signal.SIGTERM))


def start_temporary_server() -> None:
    """Where no server is named, start Prefect's temporary one, deaf to Ctrl-C: a terminal sends that to every process.

    It has to hear how the flow ended: to a server that is gone Prefect would try to tell it for two minutes.
    """
    from prefect.client.base import ServerType, determine_server_type
    from prefect.server.api.server import SubprocessASGIServer

    if determine_server_type() is not ServerType.EPHEMERAL:
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # the server inherits it
    try:
        SubprocessASGIServer().start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def stopped_with(error: BaseException) -> int:
    """The exit status where somebody's Ctrl-C (130) or SIGTERM (143) is behind an error, else 0.

    SIGTERM may have reached the temporary server too: what arrives in the end is then that nobody listens there any more.
    """
    from prefect.exceptions import TerminationSignal

    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, KeyboardInterrupt):
            return STOPPED + signal.SIGINT
        if isinstance(behind, TerminationSignal) or (isinstance(behind, SystemExit) and behind.code == STOPPED + signal.SIGTERM):
            return STOPPED + signal.SIGTERM
        behind = behind.__cause__ or behind.__context__
    return 0
