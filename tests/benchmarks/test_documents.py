"""The tables that the benchmark writes into the documentation."""

from __future__ import annotations

import pytest

from benchmarks.sdk_measures.chinese import in_chinese
from benchmarks.sdk_measures.documents import BEGIN, END, FOLDER, block, replaced, table
from benchmarks.support.report import Report

DOCUMENTS = ("performance.md", "performance.zh-CN.md")


def test_only_what_is_between_the_marks_is_replaced() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert replaced(text, "new") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END} {BEGIN}"])
def test_document_without_both_marks_is_left_alone(text: str) -> None:
    with pytest.raises(ValueError, match="lacks"):
        replaced(text, "new")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_have_the_marks(name: str) -> None:
    text = (FOLDER / name).read_text("utf-8")
    assert replaced(replaced(text, "new"), "new") == replaced(text, "new")


def test_table_has_a_cell_for_each_head() -> None:
    lines = table("Volume", ("requests/s", "profiles"), [(1, 20), (1_000, 30)], in_chinese).splitlines()
    assert lines == [
        "### 发送量",
        "",
        "| 请求/秒 | 性能记录数 |",
        "| --- | --- |",
        "| 1 | 20 |",
        "| 1000 | 30 |",
    ]


def test_report_without_rows_gives_tables_without_rows() -> None:
    report = Report("sdk")
    report.at_most("cost", 1.2, limit=1.1, unit="ratio")
    assert "| cost | 1.2 倍 | 1.1 | 否 |" in block(report, {"Flask": "3.1.3"}, in_chinese)
