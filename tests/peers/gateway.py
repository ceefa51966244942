"""The gateway's side of the README: a DHCP service that is reached through the websocket proxy.

    gateway.py CERT CA URL        prints `hello PEERCLASS` once it has a partner

It behaves as the gateway service: one request at a time and in order, a message that it does not
understand is reported on standard error and never answered, and after any close it connects anew.
"""

import asyncio
import sys

import websockets.exceptions

import micronets
from subnets import JSON, Subnets

RETRY_AFTER_SECS = 0.2


class Gateway:
    def __init__(self, cert, ca, url):
        self.cert, self.ca, self.url = cert, ca, url
        self.subnets = Subnets()
        # Never set back, not even by a new connection.
        self.number = 0

    def next(self):
        self.number += 1
        return self.number - 1

    async def stay(self):
        while True:
            try:
                async with micronets.connect(self.url, self.cert, self.ca) as socket:
                    await self.serve(socket)
            except (OSError, websockets.exceptions.WebSocketException) as error:
                print(f"gateway: {error!r}", file=sys.stderr, flush=True)
            await asyncio.sleep(RETRY_AFTER_SECS)

    async def serve(self, socket):
        partner = await micronets.greet(
            socket, "micronets-dhcp-service", "12345678", self.next()
        )
        micronets.say(f"hello {partner['peerClass']}")
        async for text in socket:
            try:
                message = micronets.decode(text)
                if not message["messageType"].startswith("REST"):
                    raise micronets.Malformed(f"unknown message type: {text}")
                answer = self.answer(message)
            except (micronets.Malformed, KeyError) as error:
                print(f"gateway: {error!r}", file=sys.stderr, flush=True)
                continue
            await socket.send(answer)
            for kind, body in self.subnets.events:
                event = micronets.encode(self.next(), kind, dataFormat=JSON, messageBody=body)
                await socket.send(event)
            self.subnets.events.clear()

    def answer(self, message):
        status, body = self.subnets.answer(
            message["method"], message["path"], message.get("messageBody")
        )
        members = {} if body is None else {"dataFormat": JSON, "messageBody": body}
        return micronets.encode(
            self.next(),
            "REST:RESPONSE",
            inResponseTo=message["messageId"],
            statusCode=status,
            reasonPhrase=None,
            **members,
        )


if __name__ == "__main__":
    asyncio.run(Gateway(*sys.argv[1:]).stay())
