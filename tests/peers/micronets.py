"""What the Python peers of the websocket proxy share: certificates, envelopes, hello.

Written after section 2 of the README of micronets-ws-proxy, with no line of mistgate in it, so
that the two are checked against each other. The peers are as strict as the programs they stand
for: numbers for ids, true or false for requiresResponse, objects or texts for bodies.
"""

import json
import ssl

import websockets.asyncio.client

MESSAGE_MAX = 2**20


def tls_client(cert, ca):
    """Verifies the chain to the root and not the name, as the README's peers do."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca)
    context.check_hostname = False
    context.load_cert_chain(cert)
    return context


def tls_server(cert, ca):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(cert)
    return context


def connect(url, cert, ca, **options):
    options = {"max_size": MESSAGE_MAX, "open_timeout": 30, **options}
    return websockets.asyncio.client.connect(url, ssl=tls_client(cert, ca), proxy=None, **options)


class Malformed(Exception):
    """A message that the programs of the README would not understand."""


def encode(number, kind, requires_response=False, **members):
    message = {"messageId": number, "messageType": kind, "requiresResponse": requires_response}
    return json.dumps({"message": {**message, **members}})


def decode(text):
    """The members of a message, after the checks that the gateway service makes."""
    try:
        message = json.loads(text)["message"]
        if not isinstance(message["messageId"], int):
            raise Malformed(f"messageId is no int: {text}")
        if not isinstance(message["requiresResponse"], bool):
            raise Malformed(f"requiresResponse is no bool: {text}")
        if not isinstance(message["messageType"], str):
            raise Malformed(f"messageType is no str: {text}")
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed(f"{error!r}: {text}") from None
    if not isinstance(message.get("messageBody", ""), (str, dict)):
        raise Malformed(f"messageBody is neither str nor object: {text}")
    return message


def hello(peer_class, peer_id, number=0):
    return encode(number, "CONN:HELLO", peerClass=peer_class, peerId=peer_id)


async def greet(socket, peer_class, peer_id, number=0):
    """Says hello, and gives the partner's."""
    await socket.send(hello(peer_class, peer_id, number))
    partner = decode(await socket.recv())
    if partner["messageType"] != "CONN:HELLO":
        raise Malformed(f"expected the partner's hello, got {partner}")
    return partner


def say(line):
    """A line for whoever started this program."""
    print(line, flush=True)
