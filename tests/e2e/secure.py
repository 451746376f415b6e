"""Certificates and tokens for tests, and stock clients that show them."""

import datetime
import ipaddress
import os
import ssl

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from client import CHANNEL_OPTIONS, command

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.utcnow()


def private(path, data):
    """Writes a file that its owner alone may read, in the place of any that is there, at once."""
    beside = path.with_name(path.name + ".beside")
    beside.touch(mode=0o600)
    beside.write_bytes(data)
    os.rename(beside, path)
    return path


class Pair:
    """A certificate and its key, in memory and as files NAME.pem and NAME.key."""

    def __init__(self, place, name, certificate, key, chain=b""):
        self.certificate = certificate
        self.pem = certificate.public_bytes(serialization.Encoding.PEM) + chain
        self.key_pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                         serialization.NoEncryption())
        self.path = private(place / (name + ".pem"), self.pem)
        self.key_path = private(place / (name + ".key"), self.key_pem)

    def take_place_of(self, other):
        """Puts this one's bytes into the files of the other: certificate first, then the key."""
        private(other.path, self.pem)
        private(other.key_path, self.key_pem)


class Authority:
    """A CA."""

    def __init__(self, place, name):
        self.place = place
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self.build(self.name, self.key.public_key(), NOW - DAY, NOW + 3650 * DAY).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), True).sign(self.key, hashes.SHA256())
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM)
        self.path = private(place / (name + ".pem"), self.pem)

    def build(self, subject, public_key, start, end):
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public_key)
                .serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(end))

    def issue(self, name, dns="localhost", start=NOW - 10 * DAY, end=NOW + 90 * DAY):
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName(dns)]
        if dns == "localhost":
            names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self.build(subject, key.public_key(), start, end).add_extension(
            x509.SubjectAlternativeName(names), False).sign(self.key, hashes.SHA256())
        return Pair(self.place, name, certificate, key)


class TokenHeader(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor,
                  grpc.StreamUnaryClientInterceptor, grpc.StreamStreamClientInterceptor):
    """Adds an authorization header to every call, on any channel."""

    def __init__(self, values):
        self.metadata = [("authorization", value) for value in values]

    def add(self, continuation, details, request):
        return continuation(details._replace(metadata=list(details.metadata or []) + self.metadata), request)

    intercept_unary_unary = intercept_unary_stream = add
    intercept_stream_unary = intercept_stream_stream = add


def connector(authority=None, pair=None, token=None, headers=None):
    """A function that opens a channel to an address: in plaintext without an authority."""
    headers = ["Bearer " + token] if token is not None else headers

    def connect(address):
        if authority is None:
            channel = grpc.insecure_channel(address, options=CHANNEL_OPTIONS)
        else:
            credentials = grpc.ssl_channel_credentials(authority.pem, pair and pair.key_pem, pair and pair.pem)
            channel = grpc.secure_channel(address, credentials, options=CHANNEL_OPTIONS)
        return grpc.intercept_channel(channel, TokenHeader(headers)) if headers else channel

    return connect


def new_token(file, name, roles, *words):
    """Makes a token with the command; returns it."""
    out, _ = command(0, "token", "new", "--file", file, "--name", name, "--role", roles, *words)
    return out.strip()


def handshake(address, authority, pair=None, version=None):
    """Connects by TLS alone; returns (version, protocol, the server's certificate)."""
    import socket
    host, port = address.rsplit(":", 1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=authority.pem.decode())
    context.set_alpn_protocols(["h2"])
    if version is not None:
        context.set_ciphers("ALL:@SECLEVEL=0")  # else this side alone would refuse old versions
        context.minimum_version = context.maximum_version = version
    if pair is not None:
        context.load_cert_chain(pair.path, pair.key_path)
    with socket.create_connection((host, int(port)), timeout=30) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            certificate = x509.load_der_x509_certificate(secure.getpeercert(binary_form=True))
            return secure.version(), secure.selected_alpn_protocol(), certificate
