"""The proxy's manners as its peers see them, one scenario at a time.

    manners.py                    prints the name of every scenario
    manners.py A B C CA URL SCENARIO...

A, B and C are certificates of three peers, URL ends with the proxy's prefix. Each scenario prints
`ok NAME`; the first that fails ends the program with what it saw.
"""

import asyncio
import base64
import contextlib
import json
import os
import socket
import ssl
import struct
import sys
import urllib.parse

import websockets.exceptions

import micronets
from micronets import encode, greet, hello

SCENARIOS = {}
# What must come comes within this time; what must not come is awaited for the second one.
LONG_SECS = 30
SHORT_SECS = 0.3


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


def same(got, expected):
    assert got == expected, f"expected {expected!r}, got {got!r}"


class Proxy:
    """The proxy under test, with a new meetup for each scenario."""

    def __init__(self, certs, ca, url, meetup):
        self.certs, self.ca, self.url = certs, ca, url + meetup

    def connect(self, who, more="", **options):
        cert = self.certs[who]
        return micronets.connect(self.url + more, cert, self.ca, **options)

    @contextlib.asynccontextmanager
    async def pair(self, **options):
        """Two peers that said hello."""
        async with self.connect("a", **options) as a, self.connect("b", **options) as b:
            await asyncio.gather(greet(a, "manager", "1"), greet(b, "gateway", "2"))
            yield a, b

    def raw(self, who):
        """A bare TLS connection behind its upgrade, which does nothing by itself."""
        url = urllib.parse.urlsplit(self.url)
        context = micronets.tls_client(self.certs[who], self.ca)
        raw = context.wrap_socket(socket.create_connection((url.hostname, url.port), LONG_SECS))
        key = base64.b64encode(os.urandom(16)).decode()
        raw.sendall(
            f"GET {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += raw.recv(1)
        assert head.startswith(b"HTTP/1.1 101 "), head
        return raw


SHORT_HELLO = b'{"message":{"messageId":0,"messageType":"CONN:HELLO","requiresResponse":false}}'


def raw_frame(opcode, payload):
    """A final frame of less than 126 bytes, masked with zeros (RFC 6455 section 5.2)."""
    return bytes([0x80 | opcode, 0x80 | len(payload), 0, 0, 0, 0]) + payload


def raw_close(raw, others=(0x9,)):
    """Reads until the close frame: its code and reason."""
    with contextlib.suppress(ssl.SSLEOFError):
        while head := raw.recv(2):
            opcode, length = head[0] & 15, head[1]
            if length == 126:
                length = struct.unpack(">H", raw.recv(2))[0]
            payload = b""
            while len(payload) < length:
                payload += raw.recv(length - len(payload))
            if opcode == 8:
                return struct.unpack(">H", payload[:2])[0], payload[2:].decode()
            assert opcode in others, f"opcode {opcode}: {payload}"
    raise AssertionError("it ended without a close frame")


async def heard(peer):
    return await asyncio.wait_for(peer.recv(), LONG_SECS)


async def said_hello(peer):
    message = json.loads(await heard(peer))["message"]
    same(message["messageType"], "CONN:HELLO")
    return message


async def hears_nothing(peer):
    try:
        got = await asyncio.wait_for(peer.recv(), SHORT_SECS)
    except TimeoutError:
        return
    raise AssertionError(f"heard {got!r}")


async def closed(peer):
    """The code and the reason with which the proxy closes it."""
    try:
        got = await heard(peer)
    except websockets.exceptions.ConnectionClosed as end:
        assert end.rcvd is not None, f"no close frame: {end!r}"
        return end.rcvd.code, end.rcvd.reason
    raise AssertionError(f"not closed, but heard {got!r}")


async def talk(a, b):
    """Both ways, and nothing else comes."""
    for peer, partner in ((a, b), (b, a)):
        text = f"over and out {id(peer)}"
        await peer.send(text)
        same(await heard(partner), text)


def request(number, **members):
    return encode(number, "REST:REQUEST", True, method="GET", path="/", **members)


async def answered(peer, number, status):
    message = micronets.decode(await heard(peer))
    same(message["messageType"], "REST:RESPONSE")
    same((message["inResponseTo"], message["statusCode"]), (number, status))


@scenario
async def compression_is_declined(proxy):
    async with proxy.pair(subprotocols=["x"], origin="https://x.example") as (a, b):
        assert "permessage-deflate" in a.request.headers["Sec-WebSocket-Extensions"]
        assert "Sec-WebSocket-Extensions" not in a.response.headers, a.response.headers
        same(a.subprotocol, None)
        await a.send("a" * 100_000)
        same(await heard(b), "a" * 100_000)


@scenario
async def messages_stay_what_they_are(proxy):
    async with proxy.pair() as (a, b):
        for message in ("", b"", "\u00e4\U0001f600\0", bytes(range(256)), "no JSON", b"{}"):
            await a.send(message)
            same(await heard(b), message)


@scenario
async def fragments_arrive_whole(proxy):
    async with proxy.pair() as (a, b):
        for parts in (["\u00e4", "", "b" * 70_000, "c"], [b"", b"\xff" * 300, b"\0"]):
            await a.send(parts)
            same(await heard(b), parts[0][:0].join(parts))
        # A ping between two fragments (RFC 6455 section 5.5).
        fragments = asyncio.Queue()

        async def each():
            while (fragment := await fragments.get()) is not None:
                yield fragment

        sending = asyncio.ensure_future(a.send(each()))
        await fragments.put("one ")
        pong = await a.ping()
        await asyncio.wait_for(pong, LONG_SECS)
        await fragments.put("two")
        await fragments.put(None)
        await sending
        same(await heard(b), "one two")


@scenario
async def a_mebibyte_passes(proxy):
    async with proxy.pair() as (a, b):
        for message in ("x" * 2**20, bytes(2**20), ["x" * 2**19, "y" * 2**19]):
            await a.send(message)
            whole = message if isinstance(message, (str, bytes)) else "".join(message)
            assert await heard(b) == whole


@scenario
async def more_than_a_mebibyte_closes_its_sender_only(proxy):
    for message in ("x" * (2**20 + 1), ["x" * 2**19, "y" * 2**19, "z"]):
        async with proxy.connect("b") as b:
            async with proxy.connect("a") as a:
                await asyncio.gather(greet(a, "manager", "1"), greet(b, "gateway", "2"))
                # The proxy may end the connection before all is sent.
                with contextlib.suppress(websockets.exceptions.ConnectionClosed):
                    await a.send(message)
                code, reason = await closed(a)
                same(code, 1009)
                assert "1048576" in reason, reason
            async with proxy.connect("a") as a:
                await a.send(hello("manager", "1", 7))
                same((await said_hello(a))["peerClass"], "gateway")
                same((await said_hello(b))["messageId"], 7)
                await talk(a, b)


@scenario
async def peers_may_ping_as_often_as_they_like(proxy):
    options = {"ping_interval": 0.05, "ping_timeout": LONG_SECS}
    async with proxy.pair(**options) as (a, b):
        for _ in range(20):
            pong = await a.ping()
            assert await asyncio.wait_for(pong, LONG_SECS) < LONG_SECS
        # Pings are between two ends of a connection and not passed on.
        await hears_nothing(b)
        # A pong that nobody asked for means nothing (RFC 6455 section 5.5.3).
        await a.pong(b"unasked")
        await talk(a, b)
    # The peers of 2018 have no keepalive at all.
    async with proxy.pair(ping_interval=None) as (a, b):
        await talk(a, b)


@scenario
async def silent_peers_that_answer_pings_stay(proxy):
    """For several times as long as an unanswered ping would be borne."""
    async with proxy.pair(ping_interval=None) as (a, b):
        await asyncio.sleep(4)
        await talk(a, b)


@contextlib.asynccontextmanager
async def raw_partner(proxy):
    """A bare connection that has said HELLO to another peer, which stays when the proxy closes it."""
    async with proxy.connect("b") as b:
        raw = proxy.raw("a")
        raw.sendall(raw_frame(1, SHORT_HELLO))
        await greet(b, "gateway", "2")
        yield raw
        # Whoever is left is told that it is alone.
        await b.send(request(1))
        await answered(b, 1, 503)


@scenario
async def a_peer_that_answers_no_ping_is_closed(proxy):
    async with raw_partner(proxy) as raw:
        code, reason = await asyncio.to_thread(raw_close, raw, (0x1, 0x9))
        same(code, 1011)
        assert reason.startswith("no answer to a ping within "), reason


@scenario
async def a_message_that_is_no_text_closes_its_sender_only(proxy):
    async with raw_partner(proxy) as raw:
        raw.sendall(raw_frame(1, b"\xff\xfe"))
        code, reason = await asyncio.to_thread(raw_close, raw, (0x1, 0x9))
        same((code, reason), (1007, "a text message is not UTF-8"))


@scenario
async def a_frame_that_breaks_the_rules_closes_its_sender_only(proxy):
    async with raw_partner(proxy) as raw:
        # Reserved opcode 3 (RFC 6455 section 5.2).
        raw.sendall(raw_frame(3, b""))
        code, reason = await asyncio.to_thread(raw_close, raw, (0x1, 0x9))
        same(code, 1002)
        assert reason, "no reason"


@scenario
async def hellos_arrive_byte_for_byte(proxy):
    odd = (
        ' { "id" : 9, "message":{"requiresResponse":true,"messageType":"CONN:HELLO",'
        '"messageId":4,"x":2.50,"peerId":"\u00e4","y":[]} }\n'
    )
    forms = {"text": odd, "binary": odd.encode(), "fragments": [odd[:30], odd[30:]]}
    for name, form in forms.items():
        async with proxy.connect("a", name) as a, proxy.connect("b", name) as b:
            await a.send(form)
            await b.send(hello("gateway", "2"))
            same((await said_hello(a))["peerClass"], "gateway")
            same(await heard(b), odd)
            await talk(a, b)


@scenario
async def what_is_no_hello_is_refused_with_a_reason(proxy):
    for first in ("", "[]", "{}", request(1), encode("0", "EVENT:x"), b"\0", '{"message":1}'):
        async with proxy.connect("a") as a:
            await a.send(first)
            code, reason = await closed(a)
            same(code, 1008)
            assert reason.startswith("no CONN:HELLO: "), reason


@scenario
async def whoever_says_no_hello_is_closed(proxy):
    async with proxy.connect("a") as a:
        code, reason = await closed(a)
        same(code, 1008)
        assert reason.startswith("no CONN:HELLO within "), reason


@scenario
async def a_third_peer_is_refused_with_a_reason(proxy):
    async with proxy.pair() as (a, b):
        for who, says_hello in (("c", False), ("c", True), ("a", True)):
            async with proxy.connect(who) as third:
                with contextlib.suppress(websockets.exceptions.ConnectionClosed):
                    if says_hello:
                        await third.send(hello("third", "3"))
                same(await closed(third), (1008, "two other peers are connected to this meetup"))
        await talk(a, b)


@scenario
async def hellos_may_come_in_any_order(proxy):
    """Both are connected before either says hello, which broke the original."""
    for meetup, order in (("1", "ab"), ("2", "ba")):
        async with proxy.connect("a", meetup) as a, proxy.connect("b", meetup) as b:
            for who in order:
                await {"a": a, "b": b}[who].send(hello(who, who))
            same((await said_hello(a))["peerClass"], "b")
            same((await said_hello(b))["peerClass"], "a")
            await talk(a, b)


@scenario
async def what_follows_a_hello_at_once_arrives_in_order(proxy):
    for meetup, is_first in (("1", True), ("2", False)):
        async with proxy.connect("a", meetup) as a, proxy.connect("b", meetup) as b:
            if not is_first:
                await b.send(hello("gateway", "2"))
            await a.send(hello("manager", "1"))
            for number in range(50):
                await a.send(encode(number, "EVENT:x"))
            if is_first:
                await b.send(hello("gateway", "2"))
            same((await said_hello(b))["peerClass"], "manager")
            for number in range(50):
                same(micronets.decode(await heard(b))["messageId"], number)
            same((await said_hello(a))["peerClass"], "gateway")


@scenario
async def a_request_without_a_partner_is_answered_503(proxy):
    async with proxy.connect("a") as a:
        await a.send(hello("manager", "1"))
        await a.send(request(1))
        await answered(a, 1, 503)
        await a.send(json.dumps({"id": 7, **json.loads(request("x-2", messageBody={}))}))
        await answered(a, "x-2", 503)
        # What nobody answers waits for the partner.
        await a.send(encode(3, "EVENT:x"))
        await hears_nothing(a)
        async with proxy.connect("b") as b:
            await greet(b, "gateway", "2")
            same(micronets.decode(await heard(b))["messageId"], 3)
            await said_hello(a)
            await talk(a, b)


@scenario
async def a_request_whose_partner_leaves_is_answered_502(proxy):
    async with proxy.connect("a") as a:
        async with proxy.connect("b") as b:
            await asyncio.gather(greet(a, "manager", "1"), greet(b, "gateway", "2"))
            await a.send(request(1))
            await a.send(request(2))
            await heard(b)
            await b.send(encode(0, "REST:RESPONSE", inResponseTo=1, statusCode=200))
            await answered(a, 1, 200)
            await heard(b)
        await answered(a, 2, 502)
        async with proxy.connect("b") as b:
            await b.send(hello("gateway", "2", 4))
            same((await said_hello(b))["peerClass"], "manager")
            same((await said_hello(a))["messageId"], 4)
            # A late response to the request that was answered in its place is not for anybody.
            await b.send(encode(5, "REST:RESPONSE", inResponseTo=2, statusCode=200))
            await a.send(request(3))
            await heard(b)
            await b.send(encode(6, "REST:RESPONSE", inResponseTo=3, statusCode=201))
            await answered(a, 3, 201)


@scenario
async def the_other_one_is_closed_where_that_is_wanted(proxy):
    """on_partner_loss = "close", as the original."""
    async with proxy.connect("a") as a:
        async with proxy.connect("b") as b:
            await asyncio.gather(greet(a, "manager", "1"), greet(b, "gateway", "2"))
            await a.send(request(1))
            await heard(b)
        await answered(a, 1, 502)
        same(await closed(a), (1001, "the partner has left"))


@scenario
async def a_peer_that_comes_again_replaces_its_dead_connection(proxy):
    async with proxy.connect("b") as b:
        dead = proxy.raw("a")
        dead.sendall(raw_frame(1, SHORT_HELLO))
        await greet(b, "gateway", "2")
        async with proxy.connect("a") as a:
            # The same class as the dead one's hello, which has none.
            await a.send(SHORT_HELLO.decode())
            same((await said_hello(a))["peerClass"], "gateway")
            await said_hello(b)
            code, _ = await asyncio.to_thread(raw_close, dead, (0x1, 0x9))
            same(code, 1000)
            await talk(a, b)


@scenario
async def meetups_are_told_apart_by_the_whole_rest_of_the_target(proxy):
    meetups = ["/x/y", "/x%2Fy", "/x/y/", "/x/y?z=1", "/X/y", ""]
    async with contextlib.AsyncExitStack() as stack:
        peers = []
        for who in "ab":
            for meetup in meetups:
                peer = await stack.enter_async_context(proxy.connect(who, meetup))
                await peer.send(hello(who, meetup))
                peers.append((meetup, peer))
        for meetup, peer in peers:
            same((await said_hello(peer))["peerId"], meetup)
        pairs = [(a, b) for (x, a) in peers for (y, b) in peers if x == y and a is not b]
        same(len(pairs), 2 * len(meetups))
        for a, b in pairs:
            await talk(a, b)


@scenario
async def what_is_no_websocket_of_ours_gets_an_http_answer(proxy):
    elsewhere = Proxy(proxy.certs, proxy.ca, proxy.url.replace("/ws-proxy/", "/elsewhere/"), "")
    try:
        async with elsewhere.connect("a"):
            raise AssertionError("it was upgraded")
    except websockets.exceptions.InvalidStatus as refused:
        same(refused.response.status_code, 404)
    url = urllib.parse.urlsplit(proxy.url)
    for head, expected in (
        (f"GET {url.path} HTTP/1.1\r\nHost: x\r\n\r\n", (400, 426)),
        ("nonsense\r\n\r\n", (400,)),
        (f"GET {url.path} HTTP/1.1\r\nHost: x\r\nX: {'x' * 100_000}\r\n\r\n", (400, 431)),
    ):
        context = micronets.tls_client(proxy.certs["a"], proxy.ca)
        with context.wrap_socket(socket.create_connection((url.hostname, url.port))) as raw:
            raw.settimeout(LONG_SECS)
            # A refused connection may be reset while more of the request is on its way.
            with contextlib.suppress(ConnectionError):
                raw.sendall(head.encode())
            answer = await asyncio.to_thread(raw.recv, 4096)
            status = int(answer.split(b" ")[1]) if answer.startswith(b"HTTP/1.1 ") else answer
            assert status in expected, f"{head[:40]!r}: {answer!r}"


async def main(a, b, c, ca, url, *names):
    for name in names:
        proxy = Proxy({"a": a, "b": b, "c": c}, ca, url, name)
        try:
            await asyncio.wait_for(SCENARIOS[name](proxy), 2 * LONG_SECS)
        except TimeoutError:
            raise SystemExit(f"{name}: waited in vain") from None
        micronets.say(f"ok {name}")


if __name__ == "__main__":
    if sys.argv[1:]:
        asyncio.run(main(*sys.argv[1:]))
    else:
        print(*SCENARIOS, sep="\n")
