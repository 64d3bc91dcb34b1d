"""The SSH that is spoken: algorithms by name, and every side service of SSH switched off."""

from __future__ import annotations

from collections.abc import Sequence

import asyncssh

from ingestd.sftp.bounds.limits import DoorLimits

# Hybrid post-quantum first, then curve25519. No finite-field groups, no SHA-1, and none of the
# NIST curves, which `ssh-audit` reports as failures.
KEX_ALGORITHMS = (
    "mlkem768x25519-sha256",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
)
# The ECDSA key is told to clients that learn host keys, and kept in reserve: to prove ourselves
# with it would be a failure to `ssh-audit`, and who speaks curve25519 speaks ed25519 too.
HOST_KEY_ALGORITHMS = frozenset({b"ssh-ed25519"})
CIPHERS = (
    "aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
)
# Encrypt-then-MAC first; the plain ones are for SSH.NET and older PuTTY. No umac-64.
MACS = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "umac-128-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
)
SIGNATURES = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
_KEEPALIVES_MISSED_MAX = 3


async def connection_options(
    host_keys: Sequence[asyncssh.SSHKey], limits: DoorLimits
) -> asyncssh.SSHServerConnectionOptions:
    """Return the options of every connection of a door."""
    options: asyncssh.SSHServerConnectionOptions
    options = await asyncssh.SSHServerConnectionOptions.construct(
        None,
        config=None,
        server_host_keys=list(host_keys),
        send_server_host_keys=True,
        server_version="ingestd",
        kex_algs=KEX_ALGORITHMS,
        encryption_algs=CIPHERS,
        mac_algs=MACS,
        signature_algs=SIGNATURES,
        compression_algs=("none",),
        public_key_auth=True,
        password_auth=True,
        kbdint_auth=False,
        host_based_auth=False,
        gss_host=None,
        gss_kex=False,
        gss_auth=False,
        x509_trusted_certs=None,
        allow_pty=False,
        line_editor=False,
        x11_forwarding=False,
        agent_forwarding=False,
        allow_scp=False,
        encoding=None,
        # The session has its own login timer, which says why it closed the connection.
        login_timeout=0,
        keepalive_interval=limits.keepalive_seconds,
        keepalive_count_max=_KEEPALIVES_MISSED_MAX,
    )
    for algorithm in options.server_host_keys.keys() - HOST_KEY_ALGORITHMS:
        del options.server_host_keys[algorithm]
    return options
