"""`ingestd uploads`: what arrived, what became of it, and trying again."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ingestd.cli.opening.installation import installation_for
from ingestd.cli.opening.who import who_runs_this
from ingestd.cli.terminal.options import (
    AccountOption,
    ConfigOption,
    Output,
    OutputOption,
    WideOption,
)
from ingestd.cli.terminal.output import complain, print_csv, print_facts, print_json, print_rows
from ingestd.service.in_force.need import Need
from ingestd.spool.upload_status import UploadStatus
from ingestd.values.clock import format_second, from_microseconds
from ingestd.values.errors import EXIT_ANSWER_IS_NO, UsageError
from ingestd.values.money import decimals_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from ingestd.access.accounts import Account
    from ingestd.ledger.outcomes.file_outcomes import FileOutcome
    from ingestd.spool.queue import QueuedUpload

_COLUMNS = (
    *("upload_id", "filename", "format", "source", "received_at", "size_bytes", "status"),
    *("rows", "applied", "duplicate", "conflict", "rejected", "records_done", "last_error"),
)


app = typer.Typer(name="uploads", help="Files that arrived.", no_args_is_help=True)

UploadArgument = Annotated[str, typer.Argument(metavar="ID", help="The upload's ID.")]


@app.command("list")
def list_command(
    account: AccountOption,
    status: Annotated[
        UploadStatus | None, typer.Option("--status", help="Only those that are so far.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, latest first.")] = 100,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """List uploads, latest first, with what became of their rows."""
    from ingestd.ledger.outcomes.file_outcomes import read_file_outcome
    from ingestd.spool.queue import list_uploads

    with installation_for(Need.READING, config, account) as installation:
        account_id = installation.account(account).account_id
        with installation.database.reading() as connection:
            uploads = list_uploads(connection, account_id, status=status, limit=limit)
            rows = [
                _row(upload) | _counts(read_file_outcome(connection, account_id, upload.upload_id))
                for upload in uploads
            ]
    print_rows(rows, _COLUMNS, output, wide=wide)


@app.command("show")
def show(
    upload_id: UploadArgument,
    account: AccountOption,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Show one upload: where it came from, what became of it, and its receipt."""
    from ingestd.intake.answering.receipt import receipt_of
    from ingestd.ledger.outcomes.file_outcomes import read_file_outcome

    with installation_for(Need.READING, config, account) as installation:
        found = installation.account(account)
        with installation.database.reading() as connection:
            upload = _find(connection, found, upload_id)
            outcome = read_file_outcome(connection, found.account_id, upload.upload_id)
            receipt, same_bytes_as, location = None, None, None
            if outcome is not None:
                same_bytes_as, location = outcome.same_bytes_as, outcome.location
                receipt = receipt_of(connection, outcome, decimals=decimals_of(found.currency))
    facts = _row(upload) | _origin(upload) | {"location": location, "same_bytes_as": same_bytes_as}
    match output:
        case Output.JSON:
            print_json(facts | {"receipt": receipt})
        case Output.CSV:
            pairs = [{"what": name, "value": facts[name]} for name in facts]
            print_csv((pair for pair in pairs if pair["value"] is not None), ("what", "value"))
        case Output.TABLE:
            print_facts(facts, wide=wide)
            if receipt is not None:
                print_json(receipt)


@app.command("retry")
def retry_command(
    upload_id: UploadArgument,
    account: AccountOption,
    config: ConfigOption = None,
) -> None:
    """Let an upload that failed be tried again. Exit 1 when it had not failed."""
    from ingestd.spool.queue import retry

    with installation_for(Need.CHANGING, config, account) as installation:
        found = installation.account(account)
        with installation.database.writing() as connection:
            upload = _find(connection, found, upload_id)
            is_retried = retry(connection, found.account_id, upload.upload_id)
    if not is_retried:
        complain(f"{upload_id} is {_status(upload)}: there is nothing to try again.")
        raise typer.Exit(EXIT_ANSWER_IS_NO)
    typer.echo(f"{upload_id} will be tried again within seconds.")


@app.command("give-up")
def give_up_command(
    upload_id: UploadArgument,
    account: AccountOption,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept with who did it.")],
    config: ConfigOption = None,
) -> None:
    """Give up an upload whose bytes are lost: its receipt asks for the file again.

    Exit 1 for one that has its outcome, or that a live node will process.
    """
    from ingestd.service.files.giving_up import give_up_upload
    from ingestd.service.installation.bootstrap import node_of
    from ingestd.service.people.audit import Deed, Doer, Via, write_audit
    from ingestd.values.identifiers import UploadId

    with installation_for(Need.CHANGING, config, account) as installation:
        found = installation.account(account).account_id
        node = node_of(installation.folders)

        def work(connection: Connection) -> str:
            why_not = give_up_upload(connection, found, UploadId(upload_id), node=node)
            if not why_not:
                write_audit(
                    connection,
                    Deed.UPLOAD_GIVEN_UP,
                    doer=Doer(name=who_runs_this(), via=Via.COMMAND),
                    at=installation.clock.now(),
                    subject=upload_id,
                    account=found,
                    detail={"reason": reason},
                )
            return why_not

        why_not = installation.database.write(work)
    if why_not:
        complain(why_not)
        raise typer.Exit(EXIT_ANSWER_IS_NO)
    typer.echo(f"{upload_id} is given up; its receipt asks for the file again.")


@app.command("adopt")
def adopt_command(
    account: AccountOption,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Let any node process what a lost one had, where the archive has the bytes.

    Exit 1 when something is left.
    """
    from ingestd.service.files.adopting import ADOPTED, adopt_uploads
    from ingestd.service.installation.bootstrap import node_of
    from ingestd.service.people.audit import Deed, Doer, Via, write_audit

    with installation_for(Need.CHANGING, config, account) as installation:
        found = installation.account(account).account_id
        adoptions = adopt_uploads(
            installation.database,
            installation.archive(),
            found,
            node=node_of(installation.folders),
        )
        with installation.database.writing() as connection:
            for adoption in adoptions:
                if adoption.what == ADOPTED:
                    write_audit(
                        connection,
                        Deed.UPLOAD_ADOPTED,
                        doer=Doer(name=who_runs_this(), via=Via.COMMAND),
                        at=installation.clock.now(),
                        subject=adoption.upload_id,
                        account=found,
                        detail={"node": adoption.node},
                    )
    rows = [asdict(adoption) for adoption in adoptions]
    print_rows(rows, ("upload_id", "filename", "node", "what"), output, wide=wide)
    if any(adoption.what != ADOPTED for adoption in adoptions):
        raise typer.Exit(EXIT_ANSWER_IS_NO)


@app.command("receipt")
def receipt_command(
    upload_id: UploadArgument,
    account: AccountOption,
    as_csv: Annotated[bool, typer.Option("--csv", help="The one for spreadsheets.")] = False,
    config: ConfigOption = None,
) -> None:
    """Print an upload's receipt, as any node gives it to its district.

    Exit 1 when there is none: it has no outcome yet; or, with --csv, all of it was applied.
    """
    from ingestd.intake.answering.receipt import csv_of, has_csv, receipt_of, render_json
    from ingestd.ledger.outcomes.file_outcomes import read_file_outcome

    with installation_for(Need.READING, config, account) as installation:
        found = installation.account(account)
        with installation.database.reading() as connection:
            upload = _find(connection, found, upload_id)
            outcome = read_file_outcome(connection, found.account_id, upload.upload_id)
            if outcome is None:
                complain(f"{upload_id} is {_status(upload)}: there is no receipt yet.")
                raise typer.Exit(EXIT_ANSWER_IS_NO)
            if as_csv:
                if not has_csv(outcome):
                    complain(f"{upload_id} has no CSV receipt: there is nothing to mend in it.")
                    raise typer.Exit(EXIT_ANSWER_IS_NO)
                sys.stdout.buffer.writelines(csv_of(connection, outcome))
            else:
                decimals = decimals_of(found.currency)
                fields = receipt_of(connection, outcome, decimals=decimals)
                sys.stdout.buffer.write(render_json(fields))


def _find(connection: Connection, account: Account, upload_id: str) -> QueuedUpload:
    from ingestd.spool.queue import find_upload
    from ingestd.values.identifiers import UploadId

    upload = find_upload(connection, account.account_id, UploadId(upload_id))
    if upload is None:
        raise UsageError(f"Account {account.account_id} has no upload {upload_id}.")
    return upload


def _status(upload: QueuedUpload) -> str:
    return upload.status or upload.state


def _row(upload: QueuedUpload) -> dict[str, object]:
    return {
        "upload_id": upload.upload_id,
        "filename": upload.filename,
        "format": upload.format,
        "source": upload.source,
        "received_at": format_second(from_microseconds(upload.received_at)),
        "size_bytes": upload.size_bytes,
        "status": _status(upload),
        "records_done": upload.records_done if upload.state == "working" else None,
        "last_error": upload.last_error,
    }


def _counts(outcome: FileOutcome | None) -> dict[str, object]:
    """Return an upload's row counts, each None as long as, or because, its rows were not read."""
    from ingestd.intake.answering.receipt import counts_of

    rows = None if outcome is None else outcome.rows
    if rows is None:
        return dict.fromkeys(("rows", "total", "applied", "duplicate", "conflict", "rejected"))
    return {"rows": rows.total, **counts_of(rows)}


def _origin(upload: QueuedUpload) -> dict[str, object]:
    return {
        "sha256": upload.sha256,
        "peer": upload.peer,
        "session_id": upload.session_id,
        "key_fingerprint": upload.key_fingerprint,
        "client_version": upload.client_version,
        "sent_by": upload.sent_by,
        "node": upload.node,
        "attempts": upload.attempts,
    }
