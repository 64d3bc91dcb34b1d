"""What is wrong with a row's values, or with what they name, and with an upload as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ingestd.formats.findings.codes import Code
from ingestd.formats.findings.explained import FILE, ROW, WARNING, Explanation

OF_ROWS: Mapping[Code, Explanation] = MappingProxyType(
    {
        Code.VALUE_MISSING: Explanation(
            "A mandatory column is empty in this row, or holds the `NULL` of a database.",
            "Fill in a value.",
            ROW,
        ),
        Code.VALUE_TOO_LONG: Explanation(
            "A value has more characters than the column allows.", "Shorten the value.", ROW
        ),
        Code.ACCOUNT_TYPE_INVALID: Explanation(
            "The account type is neither WALLET nor LIABILITY.", "Write one of the two.", ROW
        ),
        Code.CHOICE_INVALID: Explanation(
            "A column that holds one of a few words holds another.",
            "Write one of the words that the message names.",
            ROW,
        ),
        Code.DATE_INVALID: Explanation(
            "A day is not written as YYYY-MM-DD, or there is no such day.",
            "Write the day like 2026-09-01.",
            ROW,
        ),
        Code.NUMBER_INVALID: Explanation(
            "A whole number is written otherwise than as digits, or with more of them than the "
            "message names.",
            "Write the number as digits, such as 10.",
            ROW,
        ),
        Code.KEY_REPEATED: Explanation(
            "A catalog file has two rows with the same key; the first one counts. Or a list names "
            "one pledge twice, with two sums.",
            "Keep one of them.",
            ROW,
        ),
        Code.KEY_RESERVED: Explanation(
            "A catalog file uses a key that is reserved, such as `ANONYMOUS` for a student, "
            "`PAYOUT` for a product, or `null`, which payment files write where there is nothing.",
            "Use another key.",
            ROW,
        ),
        Code.CATALOG_PRICES_USED: Explanation(
            "The file has no column `amount`: each charge has its product's price in the catalog.",
            "Nothing needs to be done if that is meant; otherwise add the column.",
            WARNING,
        ),
        Code.AMOUNT_INVALID: Explanation(
            "The amount is not written as digits with the currency's decimals: it has a sign, a "
            "currency, a thousands separator, an exponent, or a decimal too many.",
            "Write it as digits with up to two decimals, such as 100.00. Amounts are never "
            "rounded.",
            ROW,
        ),
        Code.AMOUNT_NEGATIVE: Explanation(
            "The amount is negative. A charge takes money, and a payment brings some; neither "
            "gives money back.",
            "Send a refund file (`student_refunds.csv`) that names the charge. A payment that "
            "bounced is returned by the business office.",
            ROW,
        ),
        Code.AMOUNT_TOO_LARGE: Explanation(
            "The amount has more than ten digits before the decimal point, in payment files more "
            "than eight.",
            "Correct the amount; identifiers in the wrong column look like this.",
            ROW,
        ),
        Code.AMOUNT_NOT_POSITIVE: Explanation(
            "A payment, its part for the fee account, or what a donor promised is exactly nothing.",
            "Correct the amount, or leave the row out.",
            ROW,
        ),
        Code.SUM_MISMATCH: Explanation(
            "The amounts of a payment do not add up: its total is not the sum of its parts.",
            "Correct the amounts where the file is exported, and send the row again.",
            ROW,
        ),
        Code.DISCOUNT_TOO_LARGE: Explanation(
            "The discount of a payment is more than the fee that it is given against.",
            "Correct the discount or the fee.",
            ROW,
        ),
        Code.PLEDGE_WITHOUT_DONOR: Explanation(
            "A payment names a pledge and no donor.",
            "Fill in the donor's number, or leave the pledge out.",
            ROW,
        ),
        Code.TIME_INVALID: Explanation(
            "The time is not written in ISO 8601 as the format takes it, or there is no such day "
            "or time of day.",
            "Write it like 2017-05-03T14:38:02Z, 2017-05-03T09:38:02-05:00 or 2017-05-03; in "
            "payment files like 2017-05-03 09:38:02 or 2017-05-03.",
            ROW,
        ),
        Code.TIME_TOO_OLD: Explanation("The time lies before 1990.", "Correct the year.", ROW),
        Code.TIME_IN_FUTURE: Explanation(
            "The time lies more than a day ahead.",
            "Correct the date, or send the row later.",
            ROW,
        ),
        Code.TIME_WITHOUT_OFFSET: Explanation(
            "The time has no offset from UTC, and the account's `naive_time` is `reject`.",
            "Write the offset: `Z`, or one such as `-05:00`.",
            ROW,
        ),
        Code.TIME_NONEXISTENT: Explanation(
            "The time has no offset and lies in the hour that is left out when clocks are put "
            "forward.",
            "Correct the time, or write its offset; payment files take none.",
            ROW,
        ),
        Code.TIME_AMBIGUOUS: Explanation(
            "The time has no offset and lies in the hour that comes twice when clocks are put "
            "back. The earlier one was taken.",
            "Write the offset, to choose; payment files take none.",
            WARNING,
        ),
        Code.IDENTIFIER_TRIMMED: Explanation(
            "Spaces stood around the identifiers of a column. They were removed; each column is "
            "told of once, with the first row.",
            "Nothing needs to be done; an export with columns of fixed width does this.",
            WARNING,
        ),
        Code.VALUE_TRIMMED: Explanation(
            "Spaces stood around the values of a column: amounts, times, notes. They were removed; "
            "each column is told of once, with the first row.",
            "Nothing needs to be done; an export with columns of fixed width does this.",
            WARNING,
        ),
        Code.IDENTIFIER_CHARACTER: Explanation(
            "An identifier holds a character that cannot be seen or is no letter, digit or sign: "
            "a no-break space, a zero-width or control character, a mark of text direction.",
            "Type the identifier anew, or correct it where it is exported.",
            ROW,
        ),
        Code.CHANGED_BY_SPREADSHEET: Explanation(
            'An identifier was changed by a spreadsheet: `1.23457E+15`, `="00123"`, a leading '
            "apostrophe, `#REF!`, or the `####` of a column that is too narrow.",
            "Export the file again and send it without opening it in a spreadsheet, or format "
            "the column as text first.",
            ROW,
        ),
        Code.TEXT_DAMAGED: Explanation(
            "Letters of a note were lost when it was saved in another encoding: `�`, `Ã©`. The "
            "note was kept as it is.",
            "Correct the encoding where the note is exported.",
            WARNING,
        ),
        Code.TEXT_CONTROL_CHARACTER: Explanation(
            "A note holds control characters, marks of text direction or a byte order mark. It was "
            "kept, and is shown escaped.",
            "Nothing needs to be done.",
            WARNING,
        ),
        Code.STUDENT_UNKNOWN: Explanation(
            "The student is not on the account's roster, or is `ANONYMOUS`, to whom the account's "
            "files sell nothing. The key is not used up.",
            "Import the student, then send the file again. Cash sales to nobody in particular are "
            'taken where `anonymous_sales = "cash"` is in the policy of the account.',
            ROW,
        ),
        Code.STUDENT_DISAPPEARED: Explanation(
            "A roster that came over SFTP does not name a student who is enrolled. The student "
            "stays on the roster: nobody is ever removed, since who left may still owe.",
            "Send the student with `status` `cancelled`, if they left. If the file holds only "
            "what changed, send the whole roster instead.",
            WARNING,
        ),
        Code.BILLING_CODE_UNKNOWN: Explanation(
            "No product has this billing code. The key is not used up.",
            "Correct the code or import the product, then send the file again.",
            ROW,
        ),
        Code.PRICE_MISSING: Explanation(
            "The row has no amount, and the product had no price at the time of the charge.",
            "Write the amount, or import the price, then send the file again.",
            ROW,
        ),
        Code.CHARGE_UNKNOWN: Explanation(
            "A refund names a charge that was never applied to this account: the key is "
            "misspelt, or the charge was rejected or has not been sent yet.",
            "Correct the `charge_tracking_id`, or send the charge first; then send the row again. "
            "The key was not used up.",
            ROW,
        ),
        Code.ALREADY_WRITTEN_OFF: Explanation(
            "A refund is of a charge that the district's office has written off: nothing of it is "
            "left to be taken back.",
            "Nothing needs to be done: nobody owes it any more.",
            ROW,
        ),
        Code.CASH_SHORT: Explanation(
            "A refund takes back a cash sale to nobody in particular, which gives cash back, and "
            "there is not so much in the till.",
            "See with `ingestd report balances` what was brought to the bank. Send the row again "
            "when there is cash.",
            ROW,
        ),
        Code.MERCHANT_UNKNOWN: Explanation(
            "A payment file names a merchant that was never imported, so that nobody knows how "
            "its batches settle.",
            "Import the merchant (`ingestd catalog import merchants`), or correct the ID; then "
            "send the whole file again.",
            FILE,
        ),
        Code.PARENT_UNKNOWN: Explanation(
            "A payment names a parent whom neither the parents' file nor the roster knows.",
            "Correct the code, or import the parent; then send the row again.",
            ROW,
        ),
        Code.PARENT_MISMATCH: Explanation(
            "An enrolment payment names a student of another parent.",
            "Correct the parent or the student; then send the row again.",
            ROW,
        ),
        Code.STUDENT_CANCELLED: Explanation(
            "An enrolment payment names a student whose enrolment is cancelled.",
            "Correct the student, or import the roster anew; then send the row again.",
            ROW,
        ),
        Code.GL_ACCOUNT_UNKNOWN: Explanation(
            "A payment names an account that the general ledger does not have.",
            "Correct the account, or import it (`ingestd catalog import gl_accounts`); then send "
            "the row again.",
            ROW,
        ),
        Code.GL_ACCOUNT_CLOSED: Explanation(
            "A payment names an account of the general ledger that is closed.",
            "Name an open account; then send the row again.",
            ROW,
        ),
        Code.OTHER_GL_ACCOUNT_MISSING: Explanation(
            "A payment has an amount for another account of the general ledger, and its merchant "
            "has none configured. The payment was taken.",
            "Import the merchant with its `other_gl_account`.",
            WARNING,
        ),
        Code.TAX_CODE_UNKNOWN: Explanation(
            "A payment names a tax code that does not exist.",
            "Correct the code, or import it (`ingestd catalog import tax_codes`); then send the "
            "row again.",
            ROW,
        ),
        Code.DONOR_UNKNOWN: Explanation(
            "A payment names a donor that does not exist.",
            "Correct the number, or import the donor; then send the row again.",
            ROW,
        ),
        Code.DONOR_MISSING: Explanation(
            "Payments to this account of the general ledger must name their donor.",
            "Fill in the donor's number; then send the row again.",
            ROW,
        ),
        Code.APPEAL_UNKNOWN: Explanation(
            "A payment names an appeal that no donor has.",
            "Correct the code, or import the donors with their appeals; then send the row again.",
            ROW,
        ),
        Code.APPEAL_MISSING: Explanation(
            "Payments to this account of the general ledger must name their appeal.",
            "Fill in the appeal code; then send the row again.",
            ROW,
        ),
        Code.PLEDGE_UNKNOWN: Explanation(
            "A payment names a pledge that its donor does not have.",
            "Correct the number, or import the donor with this pledge; then send the row again.",
            ROW,
        ),
        Code.BATCH_SETTLED: Explanation(
            "A new payment belongs to a settlement batch whose money is in the bank already.",
            "Ask the payment provider which batch it belongs to. Rows of the batch that were sent "
            "before are duplicates and need nothing.",
            ROW,
        ),
        Code.DUPLICATE: Explanation(
            "The charge was applied already, by an earlier upload or an earlier row, with the "
            "same content. It was not applied again.",
            "Nothing needs to be done.",
            WARNING,
        ),
        Code.DUPLICATE_IN_FILE: Explanation(
            "The same charge stands in the file twice, with the same content. The first one "
            "counts.",
            "Nothing needs to be done.",
            WARNING,
        ),
        Code.CONFLICT: Explanation(
            "A charge with the same `charge_tracking_id` but other content was there first, and "
            "stands as it was. This row was not applied.",
            "If the first one is right, nothing needs to be done. To change its amount, refund or "
            "void it first, and only then send the right one, under a new key: a new key alone "
            "charges again.",
            ROW,
        ),
        Code.KEYS_ALIKE: Explanation(
            "Two keys in the file differ only by upper and lower case or by the width of their "
            "letters. Both were taken, as two charges.",
            "Check that they are not one charge, written in two ways.",
            WARNING,
        ),
        Code.ALL_OR_NOTHING: Explanation(
            "The account takes a file whole or not at all, and some of its rows were rejected.",
            "Mend the rejected rows and send the whole file again.",
            FILE,
        ),
        Code.FORMAT_UNEXPECTED: Explanation(
            "The rows are those of another format than the file's name says.",
            "Send the file under the name of its format, or export it anew.",
            FILE,
        ),
        Code.FILE_NAME_UNRECOGNISED: Explanation(
            "The file's name stayed unrecognised for an hour, so the file was put aside. The name "
            "of a catalog file is recognised only where the account's `catalog_over_sftp` is "
            "`true`.",
            "Send it under a recognised name, such as `student_billing_destiny.csv`; to send "
            "catalog files, ask for `catalog_over_sftp` to be set.",
            FILE,
        ),
        Code.FILE_NAME_TEMPORARY: Explanation(
            "The file kept a temporary name, such as `….part`, for a day, or was among the oldest "
            "of too many such files, and was put aside. Nothing of it was taken. Many files that "
            "were put aside together share one receipt.",
            "Let the job rename each file when it is whole: that is the commit. Send the file "
            "again if what it holds did not arrive under its own name.",
            FILE,
        ),
        Code.UPLOAD_INTERRUPTED: Explanation(
            "The file did not arrive whole.", "Send it again.", FILE
        ),
        Code.FILE_TOO_LARGE: Explanation(
            "The file is larger than the server takes; it was refused while it was sent.",
            "Split it into files of their own, each with the header; or ask the operator to raise "
            "`max_upload_bytes`.",
            FILE,
        ),
    }
)
