"""What ends with a dispatcher, and what may still be asked of one that is closed."""

import os
from collections.abc import Callable

import attrs

from evdispatch import Dispatcher, Event
from evdispatch.testing import ManualSource


@attrs.define(eq=False)
class Final(Event): ...


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


def nothing() -> None: ...


CALLS: dict[str, Callable[[Dispatcher], object]] = {
    "add": lambda app: app.add(ManualSource()),
    "on": lambda app: app.on(Final),
    "bare on": lambda app: app.on(nothing),
    "register": lambda app: app.register(object()),
    "post": lambda app: app.post(Final()),
    "set_policy": lambda app: app.set_policy("line", "latest"),
    "after": lambda app: app.after(1.0, nothing),
    "every": lambda app: app.every(1.0, nothing),
    "run": lambda app: app.run(),
    "step": lambda app: app.step(),
    "fileno": lambda app: app.fileno(),
    "timeout": lambda app: app.timeout(),
    "start": lambda app: app.start(),
    "trace": lambda app: app.trace("/dev/null"),
    "running": lambda app: app.running().__enter__(),
    "enter": lambda app: app.__enter__(),
}


QUIET: dict[str, Callable[[Dispatcher], object]] = {
    "audit": lambda app: app.audit(),
    "explain": lambda app: app.explain(Final()),
    "off": lambda app: app.off(nothing),
    "sources": lambda app: app.sources,
    "stats": lambda app: app.stats(),
    "stop": lambda app: app.stop(),
    "why_alive": lambda app: app.why_alive(),
}
