"""Regions: named rectangles of cells, and which of them the pointer is in.

`Regions` holds them, and `Pointer` applies them to the mouse: it sets the ``target`` of
its events, and makes `Enter` and `Leave`. Neither does IO or reads a clock.

One thread may change regions while another reads them: a position is replaced as a whole,
and a dictionary's ``setdefault``, ``pop`` and copy are atomic. So events need no lock.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from evdispatch._errors import StateError
from evdispatch._events import Event
from evdispatch.terminal._events import Enter, Leave, Mouse


class _Place(NamedTuple):
    x: int
    y: int
    width: int
    height: int
    z: int

    def checked(self) -> "_Place":
        for field, value in self._asdict().items():
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(
                    f"{field} must be a whole number of cells, got {value!r}"
                )
        for field in ("width", "height"):
            if getattr(self, field) < 1:
                raise ValueError(
                    f"{field} must be 1 or more, got {getattr(self, field)}"
                )
        return self


class Region:
    """A named rectangle of cells; `Terminal.region` makes one.

    All of it may be called from any thread.
    """

    __slots__ = ("_name", "_place", "_regions")

    def __init__(self, regions: "Regions", name: str, place: _Place) -> None:
        self._regions = regions
        self._name = name
        self._place = place

    def __repr__(self) -> str:
        x, y, width, height, z = self._place
        return f"<Region {self._name!r} {width}x{height} at {x},{y} z={z}>"

    @property
    def name(self) -> str:
        """The ``target`` of mouse events."""
        return self._name

    @property
    def x(self) -> int:
        """The first column, from 0."""
        return self._place.x

    @property
    def y(self) -> int:
        """The first row, from 0."""
        return self._place.y

    @property
    def width(self) -> int:
        """Columns."""
        return self._place.width

    @property
    def height(self) -> int:
        """Rows."""
        return self._place.height

    @property
    def z(self) -> int:
        """Its height above the others."""
        return self._place.z

    def holds(self, x: int, y: int) -> bool:
        """Return whether a cell is within it, even if another region lies above."""
        left, top, width, height, _ = self._place
        return 0 <= x - left < width and 0 <= y - top < height

    def move(self, x: int, y: int) -> None:
        """Move the region, and keep its size.

        Raises:
            StateError: It was removed.
            TypeError: A number is not whole.
        """
        self.place(x, y, self.width, self.height)

    def resize(self, width: int, height: int) -> None:
        """Change the size of the region, and keep its position.

        Raises:
            StateError: It was removed.
            TypeError: A number is not whole.
            ValueError: A size is below 1.
        """
        self.place(self.x, self.y, width, height)

    def place(
        self, x: int, y: int, width: int, height: int, *, z: int | None = None
    ) -> None:
        """Change position and size, and ``z`` if one is given.

        Raises:
            StateError: It was removed.
            TypeError: A number is not whole.
            ValueError: A size is below 1.
        """
        place = _Place(x, y, width, height, self.z if z is None else z).checked()
        if self not in self._regions:
            raise StateError(f"{self!r} was removed")
        self._place = place
        self._regions.changed()

    def remove(self) -> None:
        """Remove the region; its name is free again. A second call does nothing."""
        self._regions.discard(self)


class Regions:
    """All regions of one terminal.

    Args:
        changed: Called after each change.
    """

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self.changed = changed
        self._by_name: dict[str, Region] = {}  # in the order in which they were added

    def __iter__(self) -> Iterator[Region]:
        return iter(list(self._by_name.values()))

    def __contains__(self, region: Region) -> bool:
        return self._by_name.get(region.name) is region

    def add(
        self, name: str, x: int, y: int, width: int, height: int, *, z: int = 0
    ) -> Region:
        """Add a region; the arguments are those of `Terminal.region`.

        Raises:
            TypeError: The name is no text, or a number is not whole.
            ValueError: The name is empty or in use, or a size is below 1.
        """
        if not isinstance(name, str):
            raise TypeError(f"a region's name must be a str, got {name!r}")
        if not name:
            raise ValueError("a region's name must not be empty")
        region = Region(self, name, _Place(x, y, width, height, z).checked())
        if self._by_name.setdefault(name, region) is not region:
            raise ValueError(f"a region {name!r} already exists")
        self.changed()
        return region

    def discard(self, region: Region) -> None:
        """Remove a region, if it is there."""
        if region in self:
            self._by_name.pop(region.name, None)
            self.changed()

    def at(self, x: int, y: int) -> Region | None:
        """Return the innermost region at a cell, or None.

        That is the one with the highest ``z``, and of equals the one added last.
        """
        if not self._by_name:
            return None
        found = [region for region in self if region.holds(x, y)]
        return max(reversed(found), key=lambda region: region.z, default=None)


class Pointer:
    """The mouse among the regions: what it enters and leaves.

    Not thread-safe: one thread at a time.

    Args:
        regions: The regions. They may change between two calls.
    """

    def __init__(self, regions: Regions) -> None:
        self._regions = regions
        self._cell: tuple[int, int] | None = None  # None: it may be anywhere
        self._inside: str | None = None

    def follow(self, event: Mouse) -> list[Event]:
        """Set the event's ``target`` to the region that is under the pointer now.

        Returns:
            What the pointer leaves and enters: events to deliver before this one.
        """
        self._cell = event.x, event.y
        crossings = self.look(event.raw)
        event.target = self._inside
        return crossings

    def look(self, raw: bytes = b"") -> list[Event]:
        """Return what the pointer has left and entered since, as regions changed.

        Args:
            raw: The bytes that reported its position.
        """
        if self._cell is None:
            return []
        region = self._regions.at(*self._cell)
        return self._cross(None if region is None else region.name, raw)

    def forget(self) -> list[Event]:
        """Leave the region: the focus was lost, and the pointer may be anywhere."""
        crossings = self._cross(None, b"")
        self._cell = None
        return crossings

    def _cross(self, inside: str | None, raw: bytes) -> list[Event]:
        before, self._inside = self._inside, inside
        if before == inside or self._cell is None:
            return []
        crossings: list[Event] = []
        if before is not None:
            crossings.append(Leave(before, *self._cell, raw))
        if inside is not None:
            crossings.append(Enter(inside, *self._cell, raw))
        return crossings
