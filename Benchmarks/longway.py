#!/usr/bin/env python3
"""A long way on loopback: a proxy that passes bytes on late, no faster than a line would, and counts them.

longway.py --delay SECONDS --rate BYTES --counts FILE LISTEN:TARGET …

Each LISTEN port leads to TARGET, both on 127.0.0.1. What is sent arrives SECONDS later, each way; all connections together
share one line of BYTES a second each way (0: as fast as it goes). FILE has one line: bytes to the targets, bytes back, and
how many connections there are.
"""
import argparse
import collections
import os
import selectors
import socket
import time

CHUNK = 256 << 10


class Line:
    """One direction of the line that all share."""

    def __init__(self, rate, delay):
        self.rate, self.delay, self.free, self.bytes = rate, delay, 0.0, 0
        # What a connection may have on its way: twice what the line holds.
        self.most = max(4 << 20, int(4 * rate * delay)) if rate else 64 << 20

    def take(self, count, now):
        """When so many bytes that are sent now have arrived."""
        self.bytes += count
        if self.rate:
            self.free = max(self.free, now) + count / self.rate
            return self.free + self.delay
        return now + self.delay


class Way:
    """From one socket to the other."""

    def __init__(self, source, target, line):
        self.source, self.target, self.line = source, target, line
        self.queue = collections.deque()
        self.held = 0
        self.has_ended = self.is_closed = False

    def read(self, now):
        try:
            data = self.source.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.queue.append((self.line.take(len(data), now), memoryview(data)))
            self.held += len(data)
        else:
            self.has_ended = True
            self.queue.append((now + self.line.delay, None))

    def write(self, now):
        """Sends what is due. False where the target takes no more now."""
        while self.queue and self.queue[0][0] <= now:
            due, data = self.queue[0]
            try:
                if data is None:
                    self.target.shutdown(socket.SHUT_WR)
                    self.is_closed = True
                    self.queue.popleft()
                    continue
                count = self.target.send(data)
            except BlockingIOError:
                return False
            except OSError:
                self.queue.clear()
                self.has_ended = self.is_closed = True
                return True
            self.held -= count
            if count == len(data):
                self.queue.popleft()
            else:
                self.queue[0] = (due, data[count:])
        return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--counts")
    parser.add_argument("ways", nargs="+")
    given = parser.parse_args()
    there, back = Line(given.rate, given.delay), Line(given.rate, given.delay)
    counts = os.open(given.counts, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) if given.counts else -1
    selector = selectors.EpollSelector()
    for words in given.ways:
        listen, target = map(int, words.split(":"))
        server = socket.create_server(("127.0.0.1", listen), backlog=100)
        server.setblocking(False)
        selector.register(server, selectors.EVENT_READ, target)
    pairs, interests, told = [], {}, None

    def watch(connection, events):
        if interests.get(connection, 0) == events:
            return
        if not interests.get(connection, 0):
            selector.register(connection, events)
        elif events:
            selector.modify(connection, events)
        else:
            selector.unregister(connection)
        interests[connection] = events

    while True:
        now = time.monotonic()
        due, wanted = None, {}
        for pair in list(pairs):
            for way in pair:
                is_blocked = not way.write(now)
                if is_blocked:
                    wanted[way.target] = wanted.get(way.target, 0) | selectors.EVENT_WRITE
                elif way.queue and not way.is_closed:
                    due = min(due or way.queue[0][0], way.queue[0][0])
                reads = not way.has_ended and way.held < way.line.most
                wanted[way.source] = wanted.get(way.source, 0) | (selectors.EVENT_READ if reads else 0)
            if all(way.is_closed for way in pair):
                pairs.remove(pair)
                for way in pair:
                    wanted.pop(way.source, None)
                    watch(way.source, 0)
                    interests.pop(way.source, None)
                    way.source.close()
        for connection, events in wanted.items():
            watch(connection, events)
        now_told = "%15d %15d %5d\n" % (there.bytes, back.bytes, len(pairs))
        if counts >= 0 and now_told != told:
            os.pwrite(counts, now_told.encode(), 0)
            told = now_told
        patience = None if due is None else max(0.0, due - time.monotonic())
        for key, events in selector.select(patience):
            if key.data is not None:
                try:
                    client, _ = key.fileobj.accept()
                    server = socket.create_connection(("127.0.0.1", key.data))
                except OSError:
                    continue
                for connection in (client, server):
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    connection.setblocking(False)
                pairs.append((Way(client, server, there), Way(server, client, back)))
                continue
            if events & selectors.EVENT_READ:
                now = time.monotonic()
                for pair in pairs:
                    for way in pair:
                        if way.source is key.fileobj and not way.has_ended:
                            way.read(now)


main()
