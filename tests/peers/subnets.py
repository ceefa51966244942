"""The subnets of the README's DHCP service, in memory: /micronets/v1/dhcp/subnets.

As a program it is a local HTTP server, for a gateway side that forwards to one:

    subnets.py            prints `listening PORT`
"""

import http.server
import json

import micronets

PREFIX = "/micronets/v1/dhcp/"
JSON = "application/json"


class Subnets:
    def __init__(self):
        self.subnets = {}
        self.events = []

    def answer(self, method, path, body):
        """Status and body, which is an object or nothing."""
        if path == PREFIX + "leases" and method == "PUT":
            self.events.append(("EVENT:DHCP:leaseAcquired", body))
            return 200, body
        if not path.startswith(PREFIX + "subnets"):
            return 404, {"message": f"{path} is unknown", "status_code": 404}
        name = path.removeprefix(PREFIX + "subnets").removeprefix("/")
        if name == "":
            return self.all(method, body)
        if name not in self.subnets:
            return 404, {"message": f"Subnet '{name}' doesn't exist", "status_code": 404}
        subnet = self.subnets[name]
        if method == "PUT":
            for member, value in body.items():
                if isinstance(value, dict):
                    subnet.setdefault(member, {}).update(value)
                else:
                    subnet[member] = value
        elif method == "DELETE":
            del self.subnets[name]
            return 200, None
        return 200, {"subnet": subnet}

    def all(self, method, body):
        if method in ("GET", "HEAD"):
            return 200, {"subnets": list(self.subnets.values())}
        if method == "DELETE":
            self.subnets.clear()
            return 204, None
        if not isinstance(body, dict) or "subnetId" not in body:
            return 400, {"message": "Supplied data missing 'subnetId'", "status_code": 400}
        if body["subnetId"] in self.subnets:
            return 409, {"message": f"Subnet '{body['subnetId']}' exists", "status_code": 409}
        self.subnets[body["subnetId"]] = body
        return 201, {"subnet": body}


def serve():
    subnets = Subnets()

    class Requests(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            length = int(self.headers.get("Content-Length") or 0)
            data = self.rfile.read(length)
            body = None
            if data and self.headers.get("Content-Type") == JSON:
                body = json.loads(data)
            status, body = subnets.answer(self.command, self.path, body)
            data = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            if data:
                self.send_header("Content-Type", JSON)
            if status != 204:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    micronets.say(f"listening {server.server_port}")
    server.serve_forever()


if __name__ == "__main__":
    serve()
