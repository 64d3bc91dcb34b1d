"""`ingestd catalog import`: the same rows as an upload's, by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ingestd.cli.app import build_app

ROSTER = "student_id,name,status\nS1,Ann,enrolled\nS2,Bo,gone\nS1,Cy,enrolled\nS3,Di,cancelled\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An installation whose account takes files whole or not at all, and no catalog by SFTP."""
    assert CliRunner().invoke(build_app(), ["init", str(tmp_path)]).exit_code == 0
    (tmp_path / "config" / "accounts.toml").write_text(
        '[A]\nname = "A"\ntimezone = "America/Chicago"\n[A.policy]\nfile = "all_or_nothing"\n'
    )
    return tmp_path


def take(folder: Path, file: Path, *more: str, kind: str = "students") -> Result:
    config = ("--config", str(folder / "config" / "ingestd.toml"))
    command = ["catalog", "import", kind, str(file), "--account", "A", *more, *config]
    return CliRunner().invoke(build_app(), command)


def put(folder: Path, content: str) -> Path:
    path = folder / "students.csv"
    path.write_text(content)
    return path


def test_good_rows_are_taken_and_the_others_named(folder: Path) -> None:
    """Whoever imports by hand reads at once what is left to mend, whatever the policy."""
    done = take(folder, put(folder, ROSTER), "--output", "json")
    answer = json.loads(done.stdout)
    findings = [(f["row"], f["line"], f["column"], f["code"]) for f in answer.pop("findings")]
    assert done.exit_code == 1
    assert findings == [
        (3, 3, "status", "choice_invalid"),
        (4, 4, "student_id", "key_repeated"),
    ]
    counts = {"rows": 4, "rejected": 2, "added": 2, "changed": 0, "unchanged": 0}
    assert answer == {"kind": "students"} | counts


def test_the_same_file_again_is_unchanged_and_a_short_one_warns_of_nobody(folder: Path) -> None:
    """An operator who adds one student by hand does not mean that all others left."""
    take(folder, put(folder, "student_id\nS1\nS2\n"))
    done = take(folder, put(folder, "student_id\nS1\n"), "--output", "json")
    answer = json.loads(done.stdout)
    assert done.exit_code == 0
    assert (answer["unchanged"], answer["findings"]) == (1, [])


def test_a_last_row_without_a_line_end_is_taken(folder: Path) -> None:
    """A file that an editor wrote was not cut off on its way."""
    assert take(folder, put(folder, "student_id\nS1")).exit_code == 0


def test_a_refused_file_adds_nothing(folder: Path) -> None:
    """A wrong delimiter is one finding, and no half of a roster."""
    done = take(folder, put(folder, "student_id;name\nS1;Ann\n"))
    assert done.exit_code == 1
    assert "delimiter_unexpected" in done.stderr
    assert "students     0  0         0" in done.stdout


def test_a_file_behind_a_link_is_read_and_a_missing_one_is_named(folder: Path) -> None:
    """An export is often a link to the newest file; a wrong path is the command's mistake."""
    link = folder / "newest.csv"
    link.symlink_to(put(folder, "student_id\nS1\n"))
    assert take(folder, link).exit_code == 0
    missing = take(folder, folder / "missing.csv")
    assert missing.exit_code != 0
    assert "missing.csv" in str(missing.exception or missing.stderr)


def test_every_kind_that_payments_refer_to_is_imported_and_counted(folder: Path) -> None:
    """A school is set up for payment files with four commands."""
    files = {
        "gl_accounts": ("gl_account,status,requires_donor\n4-80,open,yes\n", "4-81,closed,no\n"),
        "tax_codes": ("tax_code,name\nGST,Tax\n", "FRE,Free\n"),
        "merchants": ("merchant_id,settle,other_gl_account\nM1,on_import,9-9\n", "M2,,\n"),
        "donors": ("donor_number,pledges,appeals\n0042,7;8,LIBR\n", "43,,\n"),
    }
    for kind, (first, more) in files.items():
        for content, added, unchanged in ((first, 1, 0), (first + more, 1, 1)):
            done = take(folder, put(folder, content), "--output", "json", kind=kind)
            counts = {"rejected": 0, "added": added, "changed": 0, "unchanged": unchanged}
            assert done.exit_code == 0
            assert json.loads(done.stdout) == {
                "kind": kind,
                "rows": added + unchanged,
                **counts,
                "findings": [],
            }


def test_a_donor_is_the_same_with_leading_zeros_and_changes_with_its_pledges(folder: Path) -> None:
    """One system writes 0042 and another 42; the second must not make a second donor."""
    take(folder, put(folder, "donor_number,pledges\n0042,7;8\n"), kind="donors")
    file = put(folder, "donor_number,pledges\n42,8\n042,9\n")
    done = take(folder, file, "--output", "json", kind="donors")
    answer = json.loads(done.stdout)
    assert done.exit_code == 1
    assert [(f["line"], f["code"]) for f in answer["findings"]] == [(3, "key_repeated")]
    assert (answer["added"], answer["changed"], answer["rejected"]) == (0, 1, 1)


def test_a_reserved_merchant_is_named_and_the_others_taken(folder: Path) -> None:
    """Payments that name no merchant must not find one that is called null."""
    done = take(folder, put(folder, "merchant_id\nnull\n0\nM1\n"), kind="merchants")
    assert done.exit_code == 1
    assert done.stderr.count("key_reserved") == 2
    assert "students.csv:2: merchant_id:" in done.stderr
    assert "merchants     3  2         1" in " ".join(done.stdout.split("\n"))


def test_an_unknown_kind_is_the_commands_mistake(folder: Path) -> None:
    """Whoever mistypes a kind reads which ones there are."""
    done = take(folder, put(folder, "a\n1\n"), kind="merchant")
    assert done.exit_code == 2
    assert "gl_accounts" in done.stderr
