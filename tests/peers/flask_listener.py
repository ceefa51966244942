"""A webhook listener on Flask that checks the HMAC and parses the body, as MWTT begins.

    flask_listener.py PORT SECRET
"""

import hashlib
import hmac
import json
import sys

from flask import Flask, request

app = Flask(__name__)
port, secret = sys.argv[1:]


@app.post("/webhooks")
def webhooks():
    body = request.get_data()
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, request.headers.get("X-Mist-Signature-v2", "")):
        return "", 401
    json.loads(body)
    return "", 200


app.run(host="127.0.0.1", port=int(port))
