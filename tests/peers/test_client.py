"""The README's test client (1.4.2, 1.4.3): HTTP in, messages of the websocket out, and back.

    test_client.py CERT CA URL    prints `hello PEERCLASS`, `listening PORT`, and each EVENT

It is as strict as the original: a response header is looked up as "val". Unlike the original it
registers a request before it sends it.
"""

import asyncio
import json
import sys

import micronets

REASON = "Relayed"


class TestClient:
    def __init__(self, socket):
        self.socket = socket
        self.number = 0
        self.waiting = {}

    async def receive(self):
        async for text in self.socket:
            message = micronets.decode(text)
            kind = message["messageType"]
            if kind == "REST:RESPONSE":
                self.waiting.pop(message["inResponseTo"]).set_result(message)
            elif kind.startswith("EVENT:"):
                micronets.say(f"{kind} {json.dumps(message.get('messageBody'))}")
            elif kind != "CONN:HELLO":
                raise micronets.Malformed(f"unexpected: {text}")

    async def ask(self, method, path, headers, body):
        self.number += 1
        kept = [
            {"name": name, "value": value}
            for name, value in headers
            if name.lower() not in ("content-length", "content-type", "content-encoding")
        ]
        members = {"method": method, "path": path, "headers": kept}
        if body:
            kind = dict((name.lower(), value) for name, value in headers)["content-type"]
            is_json = kind == "application/json"
            members["dataFormat"] = kind
            members["messageBody"] = json.loads(body) if is_json else body.decode()
        answer = asyncio.get_running_loop().create_future()
        self.waiting[self.number] = answer
        await self.socket.send(
            micronets.encode(self.number, "REST:REQUEST", requires_response=True, **members)
        )
        return await answer

    async def serve(self, reader, writer):
        """One request of one connection."""
        start = (await reader.readline()).decode().split()
        headers = []
        while line := (await reader.readline()).decode().strip():
            name, _, value = line.partition(":")
            headers.append((name, value.strip()))
        length = dict((name.lower(), value) for name, value in headers).get("content-length", 0)
        body = await reader.readexactly(int(length))
        answer = await self.ask(start[0], start[1], headers, body)
        head = [f"HTTP/1.1 {answer['statusCode']} {REASON}"]
        head += [f"{header['name']}: {header['val']}" for header in answer.get("headers", [])]
        content = answer.get("messageBody", "")
        if not isinstance(content, str):
            content = json.dumps(content)
        if content:
            head.append(f"Content-Type: {answer['dataFormat']}")
        data = content.encode()
        head += [f"Content-Length: {len(data)}", "Connection: close", "", ""]
        writer.write("\r\n".join(head).encode() + data)
        await writer.drain()
        writer.close()


async def main(cert, ca, url):
    async with micronets.connect(url, cert, ca) as socket:
        partner = await micronets.greet(socket, "micronets-ws-test-client", "12345678")
        micronets.say(f"hello {partner['peerClass']}")
        client = TestClient(socket)
        server = await asyncio.start_server(client.serve, "127.0.0.1", 0)
        micronets.say(f"listening {server.sockets[0].getsockname()[1]}")
        await client.receive()
    sys.exit("the websocket was closed")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
