"""Filters of ``on(event, field=value, where=...)``.

A plain value is compared by ``==``, a set by membership, a callable by its truth, a compiled
pattern by ``search``. A class of events may have its own notation (`Event.compile_filter`):
``key="ctrl+s"``. A filter that can never match is an error at registration; otherwise its handler
would silently never be called.
"""

import difflib
import functools
import re
import types
import typing
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from evdispatch._errors import FilterError, UnknownEventError
from evdispatch._events import Event, event_classes, loaded_classes
from evdispatch._handlers._handler import check_one_argument, is_python

Test = Callable[[Any], bool]
Selector = str | type[Event]

_ABSENT = object()
_NUMBERS = (bool, int, float)  # 1 == 1.0 == True
_PLAIN = (*_NUMBERS, str, bytes, type(None))  # types that equal only their own kind
_BUILT_IN = (*_PLAIN, tuple, frozenset, set, list, dict)  # types without a custom ==


def check_selector(event: Any) -> Selector:
    """Return the name or class of events as it is.

    Raises:
        TypeError: It is neither a name nor a class of events.
        UnknownEventError: No event has this name.
    """
    if isinstance(event, type) and issubclass(event, Event):
        return event
    if not isinstance(event, str):
        raise TypeError(f"event must be a name or a class of events, got {event!r}")
    if not event_classes(event):
        names = {cls.name for cls in event_classes()}
        raise UnknownEventError(
            f"no event is called {event!r}{suggest(event, names)}"
            " (a timer's name is known as soon as the timer is made)"
        )
    return event


def suggest(word: str, words: Iterable[str]) -> str:
    """Return a "; did you mean" for a misspelt word, or an empty string."""
    close = difflib.get_close_matches(word, sorted(words), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


@attrs.frozen
class Filter:
    """One test of an event.

    Attributes:
        name: The name of the field, or ``where``.
        value: What the user passed for it.
        test: Returns whether an event passes.
    """

    name: str
    value: Any
    test: Test


def compile_filters(
    selector: Selector, where: Callable[[Any], Any] | None, fields: dict[str, Any]
) -> tuple[Filter, ...]:
    """Return the filters in their order.

    Raises:
        FilterError: The event has no such field, or the field never has this value.
        HandlerTypeError: A test is async or a generator.
        TypeError: ``where`` is not callable.
    """
    filters = [
        Filter(field, value, _field_test(selector, field, value, fields))
        for field, value in fields.items()
    ]
    if where is not None:
        if not callable(where):
            raise TypeError(f"where must be a function of the event, got {where!r}")
        check_one_argument(where)
        # Called by a function of ours, so that ctrl+c lets it end: see `calls_handlers`.
        test = functools.partial(_call_where, where) if is_python(where) else where
        filters.append(Filter("where", where, test))
    return tuple(filters)


def _call_where(where: Test, event: Any) -> bool:
    return where(event)


def join(filters: tuple[Filter, ...]) -> Test | None:
    """Return one test for all filters, or None if every event passes."""
    tests = [each.test for each in filters]
    if len(tests) <= 1:
        return tests[0] if tests else None

    def every(event: Any) -> bool:
        return all(test(event) for test in tests)

    return every


def _field_test(
    selector: Selector, field: str, value: Any, fields: dict[str, Any]
) -> Test:
    classes = [selector] if isinstance(selector, type) else event_classes(selector)
    having = [cls for cls in classes if _has_field(cls, field)]
    if not having:
        known = {name for cls in classes for name in _fields(cls)}
        raise FilterError(
            f"{classes[0].__name__} events have no field {field!r}{suggest(field, known)}"
            f" (fields: {', '.join(sorted(known))})"
        )
    for cls in having:
        test = cls.compile_filter(field, value, fields)
        if test is not None:
            return test
    heirs = [each for each in loaded_classes() if issubclass(each, tuple(having))]
    if type(value) in _PLAIN and not any(
        _may_be(cls, field, value) for cls in (*having, *heirs)
    ):
        raise FilterError(f"{field} is never {value!r}: its declared type differs")
    return _plain_test(field, value)


def _may_be(cls: type[Event], field: str, value: Any) -> bool:
    """Whether a field may have a plain value, by its declared type.

    A class that is not built in may define its own ``==``.
    """
    attribute = attrs.fields_dict(cls).get(field)
    if attribute is None or attribute.converter or attribute.default == value:
        return True
    declared = attribute.type
    kinds = typing.get_args(declared) if _is_union(declared) else (declared,)
    if not all((typing.get_origin(kind) or kind) in _BUILT_IN for kind in kinds):
        return True
    numbers = any(kind in _NUMBERS for kind in kinds)
    return type(value) in kinds or (numbers and type(value) in _NUMBERS)


def _is_union(declared: Any) -> bool:
    return typing.get_origin(declared) in (types.UnionType, typing.Union)


def _plain_test(field: str, value: Any) -> Test:
    # Some classes with the same name may lack the field: those never match.
    if isinstance(value, (set, frozenset)):
        return lambda event: getattr(event, field, _ABSENT) in value
    if isinstance(value, re.Pattern):
        return lambda event: _search(value, getattr(event, field, None))
    if callable(value):
        check_one_argument(value)
        return lambda event: (
            hasattr(event, field) and bool(value(getattr(event, field)))
        )
    return lambda event: bool(getattr(event, field, _ABSENT) == value)


def _search(pattern: re.Pattern[Any], text: Any) -> bool:
    # A field may be None, such as the text of a key.
    return text is not None and pattern.search(text) is not None


def _has_field(cls: type[Event], field: str) -> bool:
    # Without attrs, instances may have fields that the class does not declare.
    is_open = "__attrs_attrs__" not in vars(cls) and cls.__dictoffset__ != 0
    return is_open or field in _fields(cls)


def _fields(cls: type[Event]) -> set[str]:
    """Return the names of the attrs fields, the properties and the other filters."""
    properties = {name for name in dir(cls) if isinstance(getattr(cls, name), property)}
    fields = (field.name for field in attrs.fields(cls))
    return {"name", *cls.filter_names, *properties, *fields}
