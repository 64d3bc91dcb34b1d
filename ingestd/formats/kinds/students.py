"""Students: the roster, and the family that pays for each."""

from __future__ import annotations

from ingestd.formats.names import FormatName
from ingestd.formats.rows.catalog import catalog_format, choice, identifier, text

FORMAT = catalog_format(
    FormatName.STUDENTS,
    identifier("student_id", "Unique within the district.", mandatory=True),
    text("name", "The student's name."),
    identifier("parent_code", "The family that pays the student's fees."),
    choice("status", "Whether the student is enrolled.", *("enrolled", "cancelled")),
)
