"""The client of the echo servers where there is no C compiler: see `client.c`.

python client.py PORT CONNECTIONS SIZE
"""

import resource
import select
import socket
import sys
import time
from collections.abc import Collection

PERIOD = 251
PATIENCE = 60


class Connection:
    """One that a request is under way on, or was."""

    def __init__(self, port: int, number: int, pattern: memoryview, size: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        self.start = number % PERIOD
        self.sent = self.got = 0
        self.busy = False
        self._pattern, self._size = pattern, size

    def begin(self) -> None:
        self.start = (self.start + 7) % PERIOD
        self.sent = self.got = 0
        self.busy = True
        self.send_more()

    def send_more(self) -> None:
        start = self.start
        try:
            while self.sent < self._size:
                rest = self._pattern[start + self.sent : start + self._size]
                self.sent += self.sock.send(rest)
        except BlockingIOError:
            pass

    def receive(self) -> bool:
        """Return whether the answer is complete."""
        while self.got < self._size:
            try:
                data = self.sock.recv(1 << 18)
            except BlockingIOError:
                return False
            begin = self.start + self.got
            if not data or data != self._pattern[begin : begin + len(data)]:
                raise RuntimeError("a wrong byte, or the end")
            self.got += len(data)
        return True


def run(
    poller: select.epoll,
    by_fd: dict[int, Connection],
    some: Collection[Connection],
    seconds: float,
) -> int:
    """Ask on some for so long, and return how many answers there were."""
    end = time.monotonic() + seconds
    done, busy = 0, len(some)
    for each in some:
        each.begin()
    while busy:
        ready = poller.poll(PATIENCE)
        if not ready:
            raise RuntimeError("no answer")
        for fd, _ in ready:
            each = by_fd[fd]
            if not each.busy:
                continue
            each.send_more()
            if each.receive():
                done += 1
                each.busy = False
                if time.monotonic() < end:
                    each.begin()
                else:
                    busy -= 1
    return done


def main(port: int, count: int, size: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    poller = select.epoll()
    pattern = memoryview(
        bytes((n % PERIOD ^ n >> 8) & 255 for n in range(size + PERIOD))
    )
    by_fd = {}
    for number in range(count):
        each = Connection(port, number, pattern, size)
        poller.register(each.sock, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
        by_fd[each.sock.fileno()] = each
        if number % 64 == 63 or number == count - 1:  # the server keeps up with us
            run(poller, by_fd, [each], 0)
    print("connected", flush=True)
    for line in sys.stdin:
        print(run(poller, by_fd, by_fd.values(), float(line)), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
