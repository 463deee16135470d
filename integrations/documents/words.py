"""Why a file or a page gave no document, for people."""

from __future__ import annotations

from django.utils.translation import gettext as _

from engines.documents.model import Trouble


def trouble_words(trouble: Trouble) -> str:
    """One sentence that says what is wrong, and where it helps, what to do."""
    words = {
        Trouble.EMPTY: _("The file is empty."),
        Trouble.KIND: _("This is no document of a kind that we read: PDF, DOCX, HTML, Markdown, TXT or CSV."),
        Trouble.OLD_WORD: _("This is an old Word or Excel file. Save it as DOCX or PDF."),
        Trouble.ENCRYPTED: _("The file is locked with a password. Upload it without."),
        Trouble.SCANNED: _("The PDF holds pictures of pages and no text. Have its text recognised first."),
        Trouble.DAMAGED: _("The file is damaged or cut off, and cannot be read."),
        Trouble.NO_TEXT: _("There is no text in it."),
        Trouble.TOO_LONG: _("It is longer than a million characters. Cut it into several documents."),
        Trouble.TOO_LARGE: _("It unpacks to far more than such files ever do; it is refused."),
        Trouble.TOO_MANY_PAGES: _("The PDF has more than 2,000 pages. Cut it into several documents."),
        Trouble.NO_COLUMNS: _(
            "The first line of the CSV must name a column “question” and a column “answer”."
        ),
        Trouble.TOO_SLOW: _("It takes longer to read than a file may."),
        Trouble.TOO_MUCH_MEMORY: _("It takes more memory to read than a file may."),
        Trouble.NESTED: _("An archive inside a zip is not opened."),
    }
    return words[trouble]
