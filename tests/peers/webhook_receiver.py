"""A program that mistgate posts its events to, written from the manual and the schema alone.

    webhook_receiver.py SCHEMA SECRET    takes signed posts; prints `taken TITLE` or `refused WHY`
    webhook_receiver.py SCHEMA FILE all  checks a file of messages, one a line; prints how many
"""

import hashlib
import hmac
import http.server
import json
import sys

import jsonschema


def strict(schema):
    """The schema of this version, which allows no members of later ones."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: strict(part) for name, part in schema.items()}
    return schema | ({"additionalProperties": False} if "properties" in schema else {})


with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(strict(schema))


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        digest = hmac.new(sys.argv[2].encode(), body, hashlib.sha256).hexdigest()
        sent = self.headers.get("X-Mistgate-Signature", "")
        why = None
        if not hmac.compare_digest(sent, "sha256=" + digest):
            why = "signature"
        elif self.headers.get_content_type() != "application/json":
            why = "content type"
        else:
            message = json.loads(body)
            why = next((error.message for error in validator.iter_errors(message)), None)
        print("refused " + why if why else "taken " + json.dumps(message), flush=True)
        self.send_response(400 if why else 204)
        self.end_headers()

    def log_message(self, *args):
        pass


if sys.argv[3:] == ["all"]:
    with open(sys.argv[2], encoding="utf-8") as file:
        messages = [json.loads(line) for line in file]
    for message in messages:
        validator.validate(message)
    print(len(messages))
else:
    server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    print("listening", server.server_port, flush=True)
    server.serve_forever()
