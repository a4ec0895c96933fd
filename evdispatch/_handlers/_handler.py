"""Handlers: the checks at registration, and the free decorator `on`.

A handler is a plain callable that takes the event, or nothing. `on` only *marks* a
function, which stays as it is and is registered by `Dispatcher.register`.
"""

import functools
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, overload

from evdispatch._errors import HandlerTypeError
from evdispatch._events import Event

Handler = Callable[..., Any]
F = TypeVar("F", bound=Handler)

_MARKS = "__evdispatch_marks__"
_NO_PLAIN_CALL = (
    inspect.CO_COROUTINE
    | inspect.CO_GENERATOR
    | inspect.CO_ITERABLE_COROUTINE
    | inspect.CO_ASYNC_GENERATOR
)


class Handled:
    """The type of HANDLED."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "HANDLED"


HANDLED = Handled()
"""A handler returns it to end the dispatch of the event: no later handler is called."""


def takes_event(handler: Any) -> bool:
    """Return whether a handler takes the event, or nothing.

    It takes the event if it requires an argument, or has ``*args`` or a parameter called
    ``event``. An optional parameter of another name keeps its default:
    ``lambda i=i: ...`` in a loop keeps its i.

    Raises:
        HandlerTypeError: It can't be called with one or no argument, or it is a coroutine
            or generator function.
    """
    if not callable(handler):
        raise HandlerTypeError(f"a handler must be callable, got {handler!r}")
    refuse_async(handler)
    try:
        signature = inspect.signature(handler)
    except (ValueError, TypeError):
        return True  # some builtins have no signature; most take one argument
    if _accepts(signature) and not _asks_for_event(signature):
        return False
    if _accepts(signature, None):
        return True
    raise HandlerTypeError(
        f"a handler must take the event or nothing, but {describe(handler)} is"
        f" declared {signature}"
    )


def _accepts(signature: inspect.Signature, *arguments: None) -> bool:
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return True


def _asks_for_event(signature: inspect.Signature) -> bool:
    first = next(iter(signature.parameters.values()), None)
    if first is None or first.kind is first.KEYWORD_ONLY:
        return False
    return first.kind is first.VAR_POSITIONAL or first.name == "event"


def refuse_async(handler: Any) -> None:
    """Reject coroutine and generator functions: a call would not run them.

    Raises:
        HandlerTypeError: It is one.
    """
    function = handler
    while isinstance(function, functools.partial):
        function = function.func
    if not inspect.isroutine(function) and not isinstance(function, type):
        function = type(function).__call__
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise HandlerTypeError(
            f"{describe(handler)} is async and would never be awaited: pass a plain"
            " function"
        )
    if inspect.isgeneratorfunction(function):
        raise HandlerTypeError(
            f"{describe(handler)} is a generator function and would never be iterated:"
            " pass a plain function"
        )


def check_one_argument(function: Any) -> None:
    """Check that a function can be called with one argument.

    Raises:
        HandlerTypeError: It can't, or it is a coroutine or generator function.
    """
    _check_arguments(function, "one argument", None)


def check_two_arguments(function: Any) -> None:
    """Check that a function can be called with two arguments.

    Raises:
        HandlerTypeError: It can't, or it is a coroutine or generator function.
    """
    _check_arguments(function, "two arguments", None, None)


def _check_arguments(function: Any, what: str, *arguments: None) -> None:
    refuse_async(function)
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        return  # some builtins have no signature
    if not _accepts(signature, *arguments):
        raise HandlerTypeError(
            f"{describe(function)} must take {what}, but is declared {signature}"
        )


def check_no_arguments(function: Any) -> None:
    """Check that a function requires no arguments. Fast, because timers may be set often.

    Raises:
        HandlerTypeError: It requires some, or is a coroutine or generator function.
    """
    if type(function) is types.FunctionType and not function.__dict__:  # not wrapped
        own = function.__code__
        if not (
            own.co_flags & _NO_PLAIN_CALL or own.co_argcount or own.co_kwonlyargcount
        ):
            return  # the usual case; the rest takes 1 us
    refuse_async(function)
    plain = function.__func__ if inspect.ismethod(function) else function
    code = getattr(plain, "__code__", None)
    if code is None or hasattr(plain, "__wrapped__"):
        return
    given = len(plain.__defaults__ or ()) + inspect.ismethod(function)
    optional = len(plain.__kwdefaults__ or ())
    if code.co_argcount > given or code.co_kwonlyargcount > optional:
        raise HandlerTypeError(
            f"{describe(function)} must take no arguments, but is declared"
            f" {inspect.signature(function)}"
        )


def describe(handler: Any) -> str:
    """Return a handler's name for messages."""
    name = getattr(handler, "__qualname__", None)
    if name is None:
        return repr(handler)
    module = getattr(handler, "__module__", None)
    return f"{module}.{name}" if module else str(name)


def name_of(handler: Any) -> str:
    """Return the name of a handler without running code of the user, which may raise.

    A partial has the name of its function, an object with `__call__` that of its class.
    """
    while isinstance(handler, functools.partial):
        handler = handler.func
    handler = _function(handler)
    return describe(handler if hasattr(handler, "__qualname__") else type(handler))


def event_name(handler: Any) -> str:
    """Return the event name of a function called ``on_<name>``.

    Raises:
        HandlerTypeError: It has another name.
    """
    name: str = getattr(handler, "__name__", "")
    if not name.startswith("on_") or len(name) == len("on_"):
        raise HandlerTypeError(
            f"@on without an event is for functions called on_<event>, got {name!r}"
        )
    return name.removeprefix("on_")


def is_bare(event: Any) -> bool:
    """Return whether the argument of ``on`` is the function: ``@on``, no parentheses."""
    return inspect.isroutine(event)


@overload
def on(
    event: str | type[Event] | None = None, /, **options: Any
) -> Callable[[F], F]: ...
@overload
def on(event: F, /) -> F: ...
def on(event: Any = None, /, **options: Any) -> Any:
    """Mark a function or method as a handler, for `Dispatcher.register`.

    The function is returned unchanged, and may be marked more than once. See
    `Dispatcher.on` for the options. Without parentheses, as ``@on``, the name of the event
    is taken from a function called ``on_<name>``.

    Example:
        >>> class Editor:
        ...     @on("key", key="ctrl+s")
        ...     def save(self): ...
    """

    def mark(function: F) -> F:
        if not inspect.isfunction(function):
            raise HandlerTypeError(
                f"{function!r} can't be marked: use @on below @staticmethod or"
                " @classmethod, and on functions only"
            )
        named = event_name(function) if event is None or is_bare(event) else event
        marks = [*getattr(function, _MARKS, ()), (named, options)]
        setattr(function, _MARKS, marks)
        return function

    return mark(event) if is_bare(event) else mark


def marked(obj: Any) -> Iterator[tuple[Handler, Any, dict[str, Any]]]:
    """Yield (handler, event, options) for each mark in an instance or module.

    Marks are in order of definition, those of a base class first. A handler that a module
    imports is skipped, so that it is not registered twice. A method without a mark that
    overrides a marked one is skipped, too. A function with two names is one handler.
    """
    functions = set()
    for handler in _candidates(obj):
        function = _function(handler)
        if function not in functions:
            functions.add(function)
            for event, options in _marks(handler):
                yield handler, event, options


def _candidates(obj: Any) -> Iterator[Handler]:
    if isinstance(obj, types.ModuleType):
        for value in list(vars(obj).values()):
            if _marks(value) and value.__module__ == obj.__name__:
                yield value
        return
    names = [name for cls in reversed(type(obj).__mro__) for name in vars(cls)]
    for name in dict.fromkeys(names):
        # Static, since getattr would run properties.
        if _marks(inspect.getattr_static(type(obj), name, None)):
            handler = getattr(obj, name)
            if _marks(handler):  # not if an instance attribute hides the method
                yield handler


def _marks(value: Any) -> list[tuple[Any, dict[str, Any]]]:
    function = _function(value)
    return getattr(function, _MARKS, []) if inspect.isroutine(function) else []


def _function(value: Any) -> Any:
    """Return the function of a method, static or class method; else the value itself."""
    return getattr(value, "__func__", value)


CALLERS: set[types.CodeType] = set()
"""The code objects of the functions that call handlers: see `calls_handlers`."""


def calls_handlers(function: F) -> F:
    """Mark a function of the package that calls handlers.

    Code that it calls is the user's, which Ctrl+C interrupts at once. Ctrl+C in the package's
    own code waits until that code has finished (`_core._interrupts`).
    """
    CALLERS.add(function.__code__)
    return function


def is_python(function: Any) -> bool:
    """Whether a call of the function has its own Python frame: see `calls_handlers`."""
    return type(function) is types.FunctionType or (
        type(function) is types.MethodType
        and type(function.__func__) is types.FunctionType
    )


def call_foreign(call: Handler, *event: Event) -> Any:
    """Call a handler without a Python frame, such as a builtin, in the frame of this one."""
    return call(*event)


@calls_handlers
def call_once(forget: Callable[[], None], call: Handler, *event: Event) -> Any:
    """Call a handler for the last time."""
    forget()  # before the call, which may post the same event
    return call(*event)


@calls_handlers
def call_weakly(reference: Callable[[], Handler | None], *event: Event) -> Any:
    """Call a bound method if its object is alive."""
    call = reference()
    return None if call is None else call(*event)


def identity(handler: Any) -> Any:
    """Return a key of a handler; bound methods are compared by function and object."""
    if isinstance(handler, types.MethodType):
        return (id(handler.__func__), id(handler.__self__))
    if isinstance(handler, types.BuiltinMethodType):
        return (handler.__name__, id(handler.__self__))
    return id(handler)
