"""Redshift's wire in front of PostgreSQL: one thread per connection relays messages, and rewrites a few.

Belongs here: framing, the handshake, authentication, the statement of a message.
Does not belong here: the rewriting (see `redshift_rewrites`), COPY (see `redshift_copy`), faults (see
`redshift_faults`).

A statement is rewritten in its Parse message; describing, binding, errors, 25P02 and rollback are PostgreSQL's own.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from finance_platform_tests.aws.redshift_faults import ClosedError, Faults

TLS_REQUEST, PROTOCOL = 80877103, 196608
_KNOWN_TO_POSTGRES = {"user", "database", "application_name"}
_SERVER_VERSION = "8.0.2"


class Line:
    """One side of a connection, in messages."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._buffer = bytearray()

    def fill(self) -> None:
        """Read the available bytes."""
        data = self.socket.recv(1 << 16)
        if not data:
            raise ClosedError
        self._buffer += data
        while isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
            self._buffer += self.socket.recv(self.socket.pending())

    def messages(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the complete messages in the buffer: kind and body."""
        while len(self._buffer) >= 5:
            length = struct.unpack_from("!i", self._buffer, 1)[0] + 1
            if len(self._buffer) < length:
                return
            kind, body = bytes(self._buffer[:1]), bytes(self._buffer[5:length])
            del self._buffer[:length]
            yield kind, body

    def next_message(self) -> tuple[bytes, bytes]:
        """Wait for a message."""
        while True:
            for message in self.messages():
                return message
            self.fill()

    def exactly(self, count: int) -> bytes:
        """Wait for `count` bytes, before the first message."""
        while len(self._buffer) < count:
            self.fill()
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def send(self, kind: bytes, body: bytes) -> None:
        """Send one message."""
        self.socket.sendall(message(kind, body))


def message(kind: bytes, body: bytes) -> bytes:
    """Return the bytes of a message."""
    return kind + struct.pack("!i", len(body) + 4) + body


def error_message(severity: str, state: str, text: str) -> bytes:
    """Return the body of an ErrorResponse."""
    fields = ((b"S", severity), (b"C", state), (b"M", text))
    return b"".join(mark + value.encode() + b"\0" for mark, value in fields) + b"\0"


class Rewriter(Protocol):
    """Rewrites the statements of one session."""

    def rewrite(self, sql: str, types: Sequence[int] = ()) -> str:
        """Return the statement for PostgreSQL; `types` are those of its bound values."""
        ...


@dataclass
class Session:
    """The state of one connection.

    Attributes:
        user: the database user.
        database: its name.
        server: the connection to PostgreSQL.
        process: PostgreSQL's process number.
        status: of the transaction: I none, T open, E failed.
        statements: SQL by the name of a prepared statement.
    """

    user: str
    database: str
    server: Line
    process: int = 0
    status: str = "I"
    statements: dict[bytes, str] = field(default_factory=dict)

    def query(self, sql: str) -> list[tuple[str | None, ...]]:
        """Run a query in this session, between two messages of the client."""
        self.server.send(b"Q", sql.encode() + b"\0")
        rows: list[tuple[str | None, ...]] = []
        error = b""
        while True:
            kind, body = self.server.next_message()
            if kind == b"D":
                rows.append(tuple(_values(body)))
            elif kind == b"E":
                error = body
            elif kind == b"Z":
                if error:
                    raise AssertionError(error)
                return rows


def _values(body: bytes) -> Iterator[str | None]:
    at = 2
    for _ in range(struct.unpack_from("!h", body)[0]):
        length = struct.unpack_from("!i", body, at)[0]
        at += 4
        yield None if length < 0 else body[at : at + length].decode()
        at += max(length, 0)


@dataclass
class Wire:
    """The listening side.

    Attributes:
        socket_path: PostgreSQL's socket.
        authenticate: returns the database user for a name and a password, or None.
        rewriter: creates the rewriter of a session.
        admin: the user whose statements are neither counted nor made to fail.
        tls: the server's certificate, if it supports TLS.
    """

    socket_path: str
    authenticate: Callable[[str, str], str | None]
    rewriter: Callable[[Session], Rewriter]
    admin: str
    tls: ssl.SSLContext | None = None
    faults: Faults = field(default_factory=Faults)
    port: int = 0

    def __post_init__(self) -> None:
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None
        self.resume()

    def resume(self) -> None:
        """Listen, on the same port as before."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        self._start(self._accept, self._listener)

    def pause(self) -> None:
        """Stop listening and close all connections, as a paused warehouse."""
        listener, self._listener = self._listener, None
        if listener:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the accepting thread
            listener.close()
        for sock in list(self._open):
            _close(sock)

    def stop(self) -> None:
        """Stop for good, and wait for every connection to end."""
        self.pause()
        for thread in self._threads:
            thread.join()

    def _start(self, work: Callable[[socket.socket], None], sock: socket.socket) -> None:
        thread = threading.Thread(target=work, args=(sock,), name="redshift", daemon=True)
        self._threads = [*(running for running in self._threads if running.is_alive()), thread]
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each response waits 40 ms for an ACK
            self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._open |= {client, server}
        with contextlib.suppress(ClosedError, OSError, ValueError), contextlib.ExitStack() as stack:
            stack.callback(_close, server)
            line = Line(client)
            stack.callback(lambda: _close(line.socket))
            session = self._handshake(line, server)
            if session is not None:
                _Relay(self, line, session).run()
        self._open -= {client, server}

    def _handshake(self, client: Line, sock: socket.socket) -> Session | None:
        length, code = struct.unpack("!ii", client.exactly(8))
        if code == TLS_REQUEST:
            client.socket.sendall(b"S" if self.tls else b"N")
            if self.tls is None:
                return None
            client.socket = self.tls.wrap_socket(client.socket, server_side=True)
            self._open.add(client.socket)
            length, code = struct.unpack("!ii", client.exactly(8))
        parts = client.exactly(length - 8).decode().split("\0")
        startup = {name: value for name, value in zip(parts[::2], parts[1::2], strict=False) if name}
        client.send(b"R", struct.pack("!i", 3))
        _, password = client.next_message()
        user = self.authenticate(startup["user"], password.rstrip(b"\0").decode())
        if user is None:
            text = f'password authentication failed for user "{startup["user"]}"'
            client.send(b"E", error_message("FATAL", "28000", text))
            return None
        sock.connect(self.socket_path)
        known = {**{name: startup[name] for name in startup if name in _KNOWN_TO_POSTGRES}, "user": user}
        body = struct.pack("!i", PROTOCOL) + b"".join(f"{k}\0{v}\0".encode() for k, v in known.items()) + b"\0"
        sock.sendall(struct.pack("!i", len(body) + 4) + body)
        return Session(user, startup["database"], Line(sock))


class _Relay:
    """Relays messages between a client and PostgreSQL."""

    def __init__(self, wire: Wire, client: Line, session: Session) -> None:
        self._client, self._session = client, session
        self._faults = wire.faults if session.user != wire.admin else Faults()
        self._rewriter = wire.rewriter(session)

    def run(self) -> None:
        """Relay until one side closes the connection."""
        client, server = self._client, self._session.server
        while True:
            readable, _, _ = select.select([client.socket, server.socket], [], [])
            if server.socket in readable:
                server.fill()
                client.socket.sendall(b"".join(self._to_client(*received) for received in server.messages()))
            if client.socket in readable:
                client.fill()
                for kind, body in client.messages():
                    server.socket.sendall(self._to_server(kind, body))
                    if kind == b"X":
                        return

    def _to_client(self, kind: bytes, body: bytes) -> bytes:
        if kind == b"S" and body.startswith(b"server_version\0"):
            body = b"server_version\0" + _SERVER_VERSION.encode() + b"\0"
        elif kind == b"K":
            self._session.process = struct.unpack_from("!i", body)[0]
        elif kind == b"Z":
            self._session.status = body.decode()
        elif kind == b"C":
            self._faults.end_statement()
        return message(kind, body)

    def _to_server(self, kind: bytes, body: bytes) -> bytes:
        if kind == b"P":
            name, sql, rest = body.split(b"\0", 2)
            self._session.statements[name] = sql.decode()
            types = struct.unpack_from(f"!{struct.unpack_from('!h', rest)[0]}i", rest, 2)
            return message(kind, name + b"\0" + self._rewriter.rewrite(sql.decode(), types).encode() + b"\0" + rest)
        if kind == b"B":
            _, name, _ = body.split(b"\0", 2)
            error = self._faults.begin_statement(self._session.statements[name])
            if error is not None:
                failing = b"\0" + raise_statement(*error).encode() + b"\0" + struct.pack("!h", 0)
                return message(b"P", failing) + message(b"B", b"\0\0" + struct.pack("!hhh", 0, 0, 0))
        return message(kind, body)


def raise_statement(state: str, text: str, detail: str = "") -> str:
    """Return a statement that fails with this error."""
    parts = (("ERRCODE", state), ("MESSAGE", text), ("DETAIL", detail))
    using = ", ".join(f"{name} = " + "'" + value.replace("'", "''") + "'" for name, value in parts if value)
    return f"DO $redshift$ BEGIN RAISE EXCEPTION USING {using}; END $redshift$"


def _close(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()
