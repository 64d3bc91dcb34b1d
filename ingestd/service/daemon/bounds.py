"""What the config says of the rooms' bounds, as the rooms take it: they do not read the config."""

from __future__ import annotations

from ingestd.config.files.settings import Settings
from ingestd.intake.work.intake import IntakeSettings
from ingestd.sftp.bounds.limits import DoorLimits


def door_limits(settings: Settings) -> DoorLimits:
    """Return what `[sftp]` allows at the door."""
    sftp = settings.sftp
    return DoorLimits(
        max_connections=sftp.max_connections,
        max_connections_per_address=sftp.max_connections_per_address,
        max_sessions_per_connection=sftp.max_sessions_per_connection,
        max_upload_bytes=sftp.max_upload_bytes,
        max_files_waiting=sftp.max_files_waiting,
        max_temporary_files=sftp.max_temporary_files,
        max_open_files=sftp.max_open_files,
        max_auth_tries=sftp.max_auth_tries,
        ban_after_failures=sftp.ban_after_failures,
        ban_seconds=sftp.ban_seconds,
        never_ban=sftp.never_ban,
        login_seconds=sftp.login_seconds,
        idle_seconds=sftp.idle_seconds,
        keepalive_seconds=sftp.keepalive_seconds,
        disk_reserve_bytes=settings.intake.disk_reserve_bytes,
    )


def intake_settings(settings: Settings) -> IntakeSettings:
    """Return what `[intake]` asks for."""
    intake = settings.intake
    return IntakeSettings(
        settle_seconds=intake.settle_seconds,
        rescan_seconds=intake.rescan_seconds,
        workers=intake.workers,
        partial_hours=intake.partial_hours,
        max_temporary_files=settings.sftp.max_temporary_files,
        receipt_days=intake.receipt_days,
    )
