"""The websocket proxy of the README (1.2), for two peers at a meetup.

    relay.py CERT CA PORT         port 0 is any; prints `listening PORT`

It does what the original does where its peers can see it: the first peer's hello waits for the
second's, everything behind the hellos goes through unread, a third peer is shown out, and when one
of two peers leaves, the other is closed. The benchmark runs it as the relay in Python.
"""

import asyncio
import sys

import websockets.asyncio.server
import websockets.exceptions

import micronets

PREFIX = "/micronets/v1/ws-proxy/"


class Seat:
    """A peer that said hello, and the place of its partner."""

    def __init__(self, socket, hello):
        self.socket, self.hello = socket, hello
        self.partner = asyncio.get_running_loop().create_future()


class Relay:
    def __init__(self):
        self.meetups = {}

    async def peer(self, socket):
        path = socket.request.path
        if not path.startswith(PREFIX):
            await socket.close(1011)
            return
        seats = self.meetups.setdefault(path, [])
        seat = None
        try:
            hello = await socket.recv()
            if micronets.decode(hello)["messageType"] != "CONN:HELLO" or len(seats) > 1:
                return
            seat = Seat(socket, hello)
            seats.append(seat)
            if len(seats) == 2:
                await self.introduce(*seats)
            partner = await self.partner_of(seat)
            if partner is not None:
                async for message in socket:
                    await partner.socket.send(message)
        except (micronets.Malformed, websockets.exceptions.ConnectionClosed):
            pass
        finally:
            if seat in seats:
                seats.remove(seat)
                if seat.partner.done():
                    await seat.partner.result().socket.close(1002, "peer disconnected")
            if not seats:
                self.meetups.pop(path, None)

    async def introduce(self, first, second):
        """Nothing that either says overtakes its hello."""
        await first.socket.send(second.hello)
        await second.socket.send(first.hello)
        first.partner.set_result(second)
        second.partner.set_result(first)

    async def partner_of(self, seat):
        closed = asyncio.ensure_future(seat.socket.wait_closed())
        await asyncio.wait([seat.partner, closed], return_when=asyncio.FIRST_COMPLETED)
        closed.cancel()
        return seat.partner.result() if seat.partner.done() else None


async def main(cert, ca, port):
    server = await websockets.asyncio.server.serve(
        Relay().peer,
        "127.0.0.1",
        int(port),
        ssl=micronets.tls_server(cert, ca),
        max_size=micronets.MESSAGE_MAX,
        ping_interval=10,
        ping_timeout=10,
    )
    micronets.say(f"listening {server.sockets[0].getsockname()[1]}")
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
