"""Every event's name, in one place. The names are public: dashboards and alerts hold on to them.

`docs/events.md` says of each what its fields are and what to do about it.
"""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """A log line's `event`: noun_pastverb, never changed once released."""

    DAEMON_STARTED = "daemon_started"
    DAEMON_STOPPED = "daemon_stopped"
    DAEMON_FAILED = "daemon_failed"
    CONFIG_LOADED = "config_loaded"
    CONFIG_REJECTED = "config_rejected"
    ALLOWLIST_LOADED = "allowlist_loaded"
    ALLOWLIST_REJECTED = "allowlist_rejected"
    ACCOUNTS_LOADED = "accounts_loaded"
    ACCOUNTS_REJECTED = "accounts_rejected"
    SFTP_LISTENING = "sftp_listening"
    HTTP_LISTENING = "http_listening"
    HOST_KEY_CREATED = "host_key_created"
    CONNECTION_REFUSED = "connection_refused"
    SESSION_OPENED = "session_opened"
    SESSION_CLOSED = "session_closed"
    SESSION_FAILED = "session_failed"
    AUTH_FAILED = "auth_failed"
    ADDRESS_BANNED = "address_banned"
    UPLOAD_STARTED = "upload_started"
    UPLOAD_RECEIVED = "upload_received"
    UPLOAD_INTERRUPTED = "upload_interrupted"
    UPLOAD_REFUSED = "upload_refused"
    UPLOAD_MISPLACED = "upload_misplaced"
    UPLOAD_WITHDRAWN = "upload_withdrawn"
    UPLOAD_RENAMED = "upload_renamed"
    STORAGE_FAILED = "storage_failed"
    DISK_FILLED = "disk_filled"
    DISK_FREED = "disk_freed"
    FILE_CLAIMED = "file_claimed"
    FILE_PROGRESSED = "file_progressed"
    FILE_PROCESSED = "file_processed"
    FILE_REJECTED = "file_rejected"
    FILE_QUARANTINED = "file_quarantined"
    FILE_RETRIED = "file_retried"
    FILE_SKIPPED = "file_skipped"
    ROW_CONFLICTS_FOUND = "row_conflicts_found"
    WATCHER_STARTED = "watcher_started"
    WATCHER_RESTARTED = "watcher_restarted"
    WORKER_FAILED = "worker_failed"
    LEDGER_SEALED = "ledger_sealed"
    LEDGER_BOUND = "ledger_bound"
    CLOCK_DOUBTED = "clock_doubted"
    CLOCK_TRUSTED = "clock_trusted"
    SCHEMA_UPGRADED = "schema_upgraded"
    LIBRARY_REPORTED = "library_reported"
    ERROR_ESCAPED = "error_escaped"
