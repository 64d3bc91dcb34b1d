"""Crews: whoever works on one database, and on the files of the accounts whose books it keeps."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from functools import partial

from ingestd.access.keeper import AccessKeeper
from ingestd.config.files.settings import Settings
from ingestd.intake.work.intake import Intake
from ingestd.service.daemon.archive_watch import ArchiveWatch
from ingestd.service.daemon.bounds import intake_settings
from ingestd.service.daemon.membership import Membership
from ingestd.service.daemon.other_nodes import other_nodes
from ingestd.service.evidence.watch import EvidenceWatch
from ingestd.service.evidence.witness import Witness
from ingestd.service.http.health import Check, check_database, check_disk
from ingestd.service.installation.bootstrap import Installation
from ingestd.service.installation.homes import name_of_shard
from ingestd.sftp.uploads.announcing import OtherNodes
from ingestd.spool.files import make_folder
from ingestd.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """What runs for one shard: its intake, its evidence, its place among the nodes."""

    shard: Installation
    intake: Intake
    evidence: EvidenceWatch
    membership: Membership
    archive: ArchiveWatch
    others: OtherNodes

    @classmethod
    def of(
        cls,
        shard: Installation,
        keeper: AccessKeeper,
        metrics: Metrics,
        *,
        host_keys: str,
        on_drain: Callable[[str], None],
    ) -> Crew:
        """Return a shard's crew; `keeper` keeps all accounts. Raises as `signing_of_daemon`."""
        own = keeper.of_accounts(shard.keeps)
        works = shard.works()
        signing = shard.signing_of_daemon()
        return cls(
            shard=shard,
            intake=Intake(
                works=replace(works, signing=signing),
                folders=shard.folders,
                keeper=own,
                metrics=metrics,
                settings=intake_settings(shard.settings),
            ),
            evidence=EvidenceWatch(
                database=shard.database,
                signing=signing,
                witness=_witness(shard.settings),
                metrics=metrics,
                monotonic=shard.clock.monotonic,
            ),
            membership=Membership(
                database=shard.database,
                node=works.node,
                host_keys=host_keys,
                metrics=metrics,
                on_drain=on_drain,
            ),
            archive=ArchiveWatch(
                archive=works.archive, metrics=metrics, monotonic=shard.clock.monotonic
            ),
            others=other_nodes(works, shard.folders, own, shard.settings),
        )

    def begin(self) -> None:
        """Serve as this node. Raises NodeTakenError, StorageError and DatabaseError."""
        # Before anything is taken up: what is at work under this name may be another's.
        self.membership.join()
        make_folder(self.shard.folders.spool)

    def watches(self) -> tuple[tuple[str, Coroutine[None, None, None]], ...]:
        """Return what runs beside the intake until it is cancelled, each with its name."""
        return (
            (self.named("evidence"), self.evidence.run()),
            (self.named("membership"), self.membership.run()),
            (self.named("archive"), self.archive.run()),
        )

    def named(self, part: str) -> str:
        """Return what the log calls a part of it."""
        return f"{part} of {self.shard.shard}" if self.shard.shard else part

    def checks(self) -> dict[str, Check]:
        """Return what readiness asks, by name."""

        def said(tell: Callable[[], str]) -> Check:
            async def check() -> str:
                return tell()

            return check

        async def disk() -> str:
            return self.intake.space_trouble or await check_disk(
                self.shard.settings.data_dir,
                reserve_bytes=self.shard.settings.intake.disk_reserve_bytes,
            )

        return {
            "watcher": said(lambda: self.intake.watcher_trouble),
            "workers": said(lambda: self.intake.worker_trouble),
            "intake": said(lambda: self.intake.trouble),  # both of them: the name that came first
            "clock": said(lambda: self.intake.clock_trouble),
            "database": partial(check_database, self.shard.database),
            "disk": disk,
            **self.archive.checks(),
        }


def crews_of(
    installation: Installation,
    keeper: AccessKeeper,
    metrics: Metrics,
    *,
    host_keys: str,
    on_drain: Callable[[str], None],
) -> tuple[Crew, ...]:
    """Return the crew of each shard; that of `database_url` first."""
    parts = metrics.shared_by(len(installation.shards))
    return tuple(
        Crew.of(shard, keeper, part, host_keys=host_keys, on_drain=on_drain)
        for shard, part in zip(installation.shards, parts, strict=True)
    )


def others_of(crews: Iterable[Crew]) -> OtherNodes:
    """Return what tells other nodes of uploads, whichever shard's they are."""
    main, *further = crews
    return replace(
        main.others,
        further={
            account: crew.others
            for crew in further
            for account in crew.shard.settings.databases[crew.shard.shard].accounts
        },
    )


def checks_of(crews: Iterable[Crew]) -> dict[str, Check]:
    """Return what readiness asks of all crews together; each trouble names its database."""
    main, *further = crews
    if not further:
        return main.checks()
    asked = [(name_of_shard(crew.shard), crew.checks()) for crew in (main, *further)]

    def together(part: str) -> Check:
        async def check() -> str:
            said = [(name, await checks[part]()) for name, checks in asked]
            return "; ".join(f"{name}: {trouble}" for name, trouble in said if trouble)

        return check

    return {part: together(part) for part in main.checks()}


def _witness(settings: Settings) -> Witness | None:
    """Return who keeps what is signed, where `[evidence]` names somebody."""
    evidence = settings.evidence
    if not evidence.has_witness:
        return None
    return Witness(folder=evidence.witness_folder, command=evidence.witness_command)
