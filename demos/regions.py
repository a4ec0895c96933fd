"""Two buttons and a slider: ``python demos/regions.py``; click, drag, q ends.

Each is a region: a rectangle with a name, which mouse events have as their target.
"""

from evdispatch import Dispatcher, Drag, Enter, Leave, Mouse, Press, Terminal, on

BUTTONS = {"hello": (2, 1, 9, 1), "quit": (13, 1, 8, 1)}  # x, y, width, height
SLIDER = (2, 3, 21, 1)


class Desk:
    """Draws the regions on a terminal; on a pipe it prints what happens."""

    def __init__(self, app: Dispatcher, terminal: Terminal) -> None:
        self._app = app
        self._terminal = terminal
        for name, place in (*BUTTONS.items(), ("slider", SLIDER)):
            terminal.region(name, *place)

    def _put(self, x: int, y: int, text: str, style: str = "") -> None:
        if self._terminal.is_tty:
            self._terminal.write(f"\x1b[{y + 1};{x + 1}H\x1b[{style}m{text}\x1b[m")

    def _say(self, text: str) -> None:
        self._put(2, 5, text.ljust(40))
        if not self._terminal.is_tty:
            print(text)

    def _button(self, name: str, style: str) -> None:
        x, y, width, _ = BUTTONS[name]
        self._put(x, y, name.center(width), style)

    @on("start")
    @on("resume")
    def draw(self) -> None:
        """Draw everything."""
        for name in BUTTONS:
            self._button(name, "7")
        self._put(SLIDER[0], SLIDER[1], "·" * SLIDER[2])

    @on("enter", target=set(BUTTONS))
    @on("leave", target=set(BUTTONS))
    def light(self, event: Enter | Leave) -> None:
        """Light a button up while the mouse is on it."""
        self._button(event.target, "30;43" if event.name == "enter" else "7")

    @on("press", target="slider")
    @on("drag", target="slider")  # it is held, wherever the mouse goes
    def slide(self, event: Press | Drag) -> None:
        """Move the slider's knob."""
        x, y, width, _ = SLIDER
        at = min(max(event.x - x, 0), width - 1)
        self._put(x, y, "━" * at + "●" + "·" * (width - 1 - at))
        self._say(f"{100 * at // (width - 1)} %")

    @on("click", target=set(BUTTONS))
    def push(self, event: Mouse) -> None:
        """Do what a button is for."""
        self._say(f"{event.target} was clicked")
        if event.target == "quit":
            self._app.stop()


def main() -> None:
    """Run until q or the button."""
    with Dispatcher() as app:
        terminal = Terminal(mouse="move", alternate_screen=True, hide_cursor=True)
        app.add(terminal)
        app.register(Desk(app, terminal))
        app.on("key", key={"q", "ctrl+c"})(app.stop)
        app.run()


if __name__ == "__main__":
    main()
