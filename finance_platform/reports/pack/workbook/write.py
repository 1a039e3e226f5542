"""Writing the workbook of a pack.

Belongs here: its sheets in order, its properties. Does not belong here: what is on a sheet (see the modules of this
package), where the file goes (see `refresh.report_pack`).
"""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import BinaryIO

import xlsxwriter

from finance_platform.reports.pack.model import Pack
from finance_platform.reports.pack.workbook.data_sheet import (
    DataContent,
    check_data,
    content_of,
    define_names,
    write_checks,
    write_data,
)
from finance_platform.reports.pack.workbook.detail_sheets import (
    write_capex,
    write_departments,
    write_restatements,
    write_top,
)
from finance_platform.reports.pack.workbook.figures import WorkbookFigures
from finance_platform.reports.pack.workbook.sheets import Book
from finance_platform.reports.pack.workbook.size import HEADER_ROW
from finance_platform.reports.pack.workbook.statement_sheets import (
    write_outlook,
    write_profit_and_loss,
    write_summary,
    write_units,
)
from finance_platform.reports.pack.workbook.sums import Sums
from finance_platform.safe_text import printable_line

_UNKNOWN_TIME = datetime(2000, 1, 1)  # noqa: DTZ001  a workbook's times have no zone; this one stands for none


def workbook_bytes(pack: Pack, figures: WorkbookFigures) -> bytes:
    """Return the workbook as a file; arguments and errors as in `write_workbook`."""
    stream = BytesIO()
    write_workbook(stream, pack, figures)
    return stream.getvalue()


def write_workbook(stream: BinaryIO, pack: Pack, figures: WorkbookFigures) -> None:
    """Write the workbook; the same pack gives the same bytes.

    Args:
        stream: where it goes.
        pack: its figures.
        figures: what it shows beyond the pack; of the same warehouse.

    Raises:
        WorkbookSizeError: a sheet cannot hold the amounts.
    """
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    sums = Sums(pack, figures)
    content = content_of(pack, sums)
    with xlsxwriter.Workbook(stream, options) as workbook:
        title = f"{printable_line(pack.entity)} {pack.choice.period}".strip()
        workbook.set_properties({"title": title, "created": pack.stamp.loaded_at or _UNKNOWN_TIME})
        # Programs that do calculate do it when they open the file, whatever results are stored.
        workbook.set_calc_mode("auto")
        book = Book(workbook, pack)
        define_names(book, sums, content)
        _write_sheets(book, sums, figures, content)


def _write_sheets(book: Book, sums: Sums, figures: WorkbookFigures, content: DataContent) -> None:
    table_header = HEADER_ROW + 1
    summary = book.add_sheet("Summary", "Summary", table_header)
    statement = book.add_sheet("P&L", "Profit and loss", table_header)
    units = book.add_sheet("Units", "Business units", table_header)
    departments = book.add_sheet("Departments", "Departments")
    top = book.add_sheet("Top", "Largest variances")
    capex = book.add_sheet("CapEx", "Capital expenditure")
    outlook = book.add_sheet("Outlook", "Outlook by month", table_header)
    restatements = book.add_sheet("Restatements", "What changed")
    data = book.add_sheet("Data", "Amounts by period, department, account and scenario")
    checks = book.add_sheet("Checks", "Checks")
    write_summary(book, sums, summary, write_profit_and_loss(book, sums, statement))
    write_units(book, sums, figures, units)
    write_departments(book, sums, figures, departments)
    write_top(book, sums, figures, top)
    write_capex(book, sums, figures, capex)
    write_outlook(book, sums, figures, outlook)
    write_restatements(book, restatements)
    check_data(book, figures, data, content)
    write_checks(book, checks, content.cells.gross())
    book.write()
    write_data(book, sums, data, content)
