"""A certificate for localhost, and contexts that use it.

Made by: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes
-keyout key.pem -out cert.pem -days 36500 -subj /CN=localhost
-addext "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"
"""

import ssl
from pathlib import Path

CERT = Path(__file__).parent / "tls/cert.pem"
KEY = Path(__file__).parent / "tls/key.pem"


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERT, KEY)
    return context


def client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(CERT)
    return context
