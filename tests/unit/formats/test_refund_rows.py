"""What the ledger is handed of a good refund."""

from __future__ import annotations

from tests.judging import check_refund_file
from tests.verdicts import RULES


def test_a_refund_comes_out_whole() -> None:
    """What the sending system calls the refund is kept with it."""
    text = 'note,charge_tracking_id,tx_item_rowid\n"lost\nbook",T-1,I-1\n,T-2,\nx,null,\n'
    [batch] = check_refund_file([text.encode()], RULES)
    first, second = batch.rows
    assert first[:-1] == (2, 2, "T-1", "I-1", "lost\nbook")
    assert second[:-1] == (3, 4, "T-2", None, None)
    assert batch.rejected == [(4, 5)]
    assert [row.content_hash.hex() for row in batch.rows] == [
        "a8ab2d9efd1bcab02a65fdd77784b38e",
        "46f175cdc85ce17ef07bf2556b6aec0e",
    ]
