import os
from evdispatch import *
from evdispatch.testing import *


def test_pipe(app):
    r, w = os.pipe()
    seen = record(app, Event)
    app.add(Pipe(r, framing="lines"))
    os.write(w, b"a\nb\r\nc")
    os.close(w)
    settle(app)
    assert [str(e) for e in seen if e.source][:3] == [
        "Line(data=b'a')",
        "Line(data=b'b')",
        "Line(data=b'c')",
    ]
    assert app.stats().balanced


def test_timer(timed, clock):
    seen = record(timed, Tick)
    timed.add(Timer("tick", every=1.0))
    clock.advance(2.5)
    settle(timed)
    assert [(t.count, t.missed, t.due) for t in seen] == [(2, 1, 1002.0)]
    assert timed.stats().balanced
