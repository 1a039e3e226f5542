"""The package of a workbook (xlsx, ods): which parts it has, and what each sheet has that the parser does not report.

Belongs here: the kind of the package, the place of each sheet's XML, the state of its calculation. Does not belong
here: the zip file (see `workbook_parts`), XML of sheets (see `xlsx_sheet`, `ods_content`), formats (see `xlsx_formats`,
`ods_formats`), values of cells (see `workbook_worker`), the older format xls (see `xls_records`).
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection
from functools import cached_property
from itertools import chain, islice
from xml.parsers import expat

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.files.displayed_units import Displayed, DisplayedCell, group_cells
from finance_platform.feeds.files.file_format import OpenFile
from finance_platform.feeds.files.formula_sums import FormulaSums
from finance_platform.feeds.files.ods_content import NEEDED_BYTES, OdsContentScan
from finance_platform.feeds.files.ods_formats import OdsFormats
from finance_platform.feeds.files.workbook_parts import WorkbookParts, local_name, make_parser, not_xml
from finance_platform.feeds.files.workbook_shared import FaultyCells, MergedCells, damaged, needs_password
from finance_platform.feeds.files.xlsx_formats import Formats, foreign_formats, read_formats, scan_cells
from finance_platform.feeds.files.xlsx_sheet import XlsxSheetScan
from finance_platform.feeds.limits import MAX_WORKBOOK_PARTS_BYTES

_TRUE, _FALSE = {"1", "true", "on"}, {"0", "false", "off"}
_VERSION_OF_WRITER = {"appName": "xl", "lastEdited": "4", "lowestEdited": "4", "rupBuild": "4505"}
_CALCULATION_OF_WRITER = "124519"
"""What XlsxWriter and libxlsxwriter write, which begin each workbook anew: no input of it was changed after a formula.

Excel, which has these versions too, asks for no calculation. Libraries that change a workbook write their own number.
"""
_CONTENT = "content.xml"
_STYLES_OF_ODS = "styles.xml"
_STYLES_OF_XLSX = "xl/styles.xml"


class WorkbookPackage:
    """The zip file that an xlsx or ods workbook is.

    Attributes:
        is_1904: whether days are counted from 1904-01-01.
    """

    def __init__(self, open_file: OpenFile) -> None:
        """Read the directory, and check what the parts that every sheet needs unpack to.

        Raises:
            UnreadableDeliveryError: the file is damaged, too large, needs a password or is not such a workbook.
        """
        self._parts = WorkbookParts(open_file)
        self._check_kind()
        self.is_1904 = False
        self._is_uncalculated = self._is_stale = self._has_given_values = False
        self._last_scan: tuple[int, XlsxSheetScan] | None = None
        self._sheets: list[str] = []
        if _CONTENT not in self._parts:
            self._read_list_of_sheets()
            for name in ("xl/sharedstrings.xml", _STYLES_OF_XLSX):
                for _ in self._parts.unpack(name) if name in self._parts else ():
                    pass

    def faulty_cells(self, number: int) -> FaultyCells:
        """Return the cells of a sheet that have no value although they are not blank.

        Raises:
            UnreadableDeliveryError: the sheet is damaged, unpacks to too much, or has too many such cells.
        """
        if _CONTENT in self._parts:
            return self._content.faulty.get(number, {}) if self._content else {}
        scan = self._scan(number)
        return scan.faulty if scan else {}

    def hidden_rows(self, number: int) -> set[int]:
        """Return the rows of a sheet that are hidden or filtered out, without those of groups that are folded.

        Raises:
            UnreadableDeliveryError: see `faulty_cells`.
        """
        if _CONTENT in self._parts:
            return self._content.hidden.get(number, set()) if self._content else set()
        scan = self._scan(number)
        return scan.hidden if scan else set()

    def hidden_columns(self, number: int) -> set[int]:
        """Return the columns of a sheet that are hidden, from 0, without those of groups that are folded.

        Raises:
            UnreadableDeliveryError: see `faulty_cells`.
        """
        if _CONTENT in self._parts:
            return self._content.hidden_columns.get(number, set()) if self._content else set()
        scan = self._scan(number)
        return scan.hidden_columns if scan else set()

    def sums(self, number: int) -> FormulaSums:
        """Return the formulas of a sheet that only add up cells of it.

        Raises:
            UnreadableDeliveryError: see `faulty_cells`.
        """
        if _CONTENT in self._parts:
            return self._content.sums.get(number, {}) if self._content else {}
        scan = self._scan(number)
        return scan.sums if scan else {}

    def merged_cells(self, number: int) -> MergedCells:
        """Return the merged cells of a sheet that the parser does not report, those of ods.

        Raises:
            UnreadableDeliveryError: see `faulty_cells`.
        """
        return self._content.merged.get(number, []) if _CONTENT in self._parts and self._content else []

    def sheet_start(self, number: int, blocks: int) -> bytes | None:
        """Return the first blocks of the XML of a sheet; None of ods, which has all sheets in one part.

        Raises:
            UnreadableDeliveryError: the sheet is damaged.
        """
        if number >= len(self._sheets):
            return None
        return b"".join(islice(self._parts.unpack(self._sheets[number]), blocks))

    def _scan(self, number: int) -> XlsxSheetScan | None:
        """Return what is in the XML of a sheet, that of the last one without unpacking it again; None without XML."""
        if self._last_scan and self._last_scan[0] == number:
            return self._last_scan[1]
        if number >= len(self._sheets):
            return None
        states = {
            "is_uncalculated": self._is_uncalculated,
            "is_stale": self._is_stale,
            "has_given_values": self._has_given_values,
        }
        scan = XlsxSheetScan(**states)
        name = self._sheets[number]
        if not scan.scan(self._parts.unpack(name)):
            scan = XlsxSheetScan(has_references=False, **states)
            scan.scan(self._parts.unpack(name))
        scan.finish()
        self._last_scan = (number, scan)
        return scan

    def displayed_units(
        self, number: int, header_row: int, currency: str, code_columns: Collection[int] = ()
    ) -> dict[int, list[Displayed]]:
        """Return what the formats of a sheet's numbers display, by column.

        Args:
            number: of the sheet, from 0.
            header_row: the rows up to it are not looked at.
            currency: the home's, which is not returned, so that most sheets are not looked into.
            code_columns: the columns of codes, from 0.

        Raises:
            UnreadableDeliveryError: the sheet or the styles are damaged.
        """
        if _CONTENT in self._parts:
            return group_cells(self._displayed_of_ods(number, currency), header_row, code_columns)
        formats = foreign_formats(self._formats, currency)
        scan = self._scan(number)
        if scan is None:
            return {}
        blocks = self._parts.unpack(self._sheets[number])
        cells = scan_cells(blocks, formats, code_columns, is_1904=self.is_1904) if formats else ()
        return group_cells(chain(scan.stale, cells), header_row, code_columns, is_1904=self.is_1904)

    def _displayed_of_ods(self, number: int, currency: str) -> list[DisplayedCell]:
        formats = OdsFormats(number, currency)
        for name in (_STYLES_OF_ODS, _CONTENT):
            if name in self._parts:
                try:
                    formats.read(self._parts.unpack(name))
                except expat.ExpatError as error:
                    raise not_xml(error) from error
        return formats.cells

    @cached_property
    def _formats(self) -> Formats:
        name = _STYLES_OF_XLSX
        is_there = name in self._parts and self._parts.size(name) <= MAX_WORKBOOK_PARTS_BYTES
        return read_formats(self._parts.elements(name)) if is_there else {}

    def _check_kind(self) -> None:
        if "xl/workbook.bin" in self._parts:
            raise UnreadableDeliveryError(
                "the file is a binary workbook (xlsb), which is not read", fix="save it as .xlsx and send that file"
            )
        manifest = "meta-inf/manifest.xml"
        if _CONTENT in self._parts and manifest in self._parts and b"encryption-data" in self._parts.read(manifest):
            raise needs_password()
        if "xl/workbook.xml" not in self._parts and _CONTENT not in self._parts:
            raise UnreadableDeliveryError(
                "the file is a zip archive, not a workbook", fix="unpack it and send the files that it contains"
            )

    def _read_list_of_sheets(self) -> None:
        targets = {
            attributes.get("Id", ""): attributes.get("Target", "")
            for name, attributes in self._parts.elements("xl/_rels/workbook.xml.rels")
            if name == "Relationship"
        }
        is_of_writer = False
        for name, attributes in self._parts.elements("xl/workbook.xml"):
            if name == "workbookPr":
                self.is_1904 = attributes.get("date1904", "").lower() in _TRUE
            elif name == "fileVersion":
                is_of_writer = attributes.items() >= _VERSION_OF_WRITER.items()
            elif name == "calcPr":
                self._is_uncalculated = attributes.get("fullCalcOnLoad", "").lower() in _TRUE
                is_manual = attributes.get("calcMode") == "manual" and attributes.get("calcOnSave") in _FALSE
                is_of_writer &= attributes.get("calcId") == _CALCULATION_OF_WRITER
                self._has_given_values = self._is_uncalculated and is_of_writer
                self._is_stale = self._is_uncalculated or is_manual or attributes.get("calcCompleted") in _FALSE
            elif name == "sheet":
                target = next((targets[value] for key, value in attributes.items() if _is_id(key, value, targets)), "")
                path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
                if path.lower() not in self._parts:
                    raise damaged(f"it has no part {path!r}")
                self._sheets.append(path.lower())

    @cached_property
    def _content(self) -> OdsContentScan | None:
        """What is in the XML of all sheets of an ods workbook; None without formulas, hidden rows and merged cells."""
        is_needed = False
        for block in self._parts.unpack(_CONTENT):
            is_needed = is_needed or any(word in block for word in NEEDED_BYTES)
        if not is_needed:
            return None
        scan = OdsContentScan()
        parser = make_parser(scan.start, scan.end)
        try:
            for block in self._parts.unpack(_CONTENT):
                parser.Parse(block)
        except expat.ExpatError as error:
            raise not_xml(error) from error
        return scan


def _is_id(key: str, value: str, targets: dict[str, str]) -> bool:
    return local_name(key) == "id" and value in targets
