"""Anthropic's messages: how the API spells its errors. No I/O.

Source: https://platform.claude.com/docs/en/api/errors. The type is broad; `details.error_code` tells more where there is one, and some of
what one must know is only in the message: a spend limit comes as a rate limit or a bad request, a prompt too long as a bad request.
"""

import re

from .api_errors import ErrorWords, usual_words

_SPEND_LIMITS = frozenset({"enforced_spend_limit_reached", "contract_spend_limit_reached", "linked_organization_spend_limit_reached"})
_MEANINGS = (
    (re.compile(r"usage limits?\b.*regain access", re.I | re.S), "billing_error"),
    (re.compile(r"exceed context limit", re.I), "context_length_exceeded"),
)
"""The word of `api_errors.py` for what only the message tells."""
_LIMIT = re.compile(r"(input tokens|output tokens|tokens|requests) per ", re.I)


def error_words(payload: object) -> ErrorWords:
    """The words in an error body's JSON; satisfies Dialect."""
    usual = usual_words(payload)
    code = _error_code(payload)
    meant = ["billing_error"] if code in _SPEND_LIMITS else [word for phrase, word in _MEANINGS if phrase.search(usual.message)]
    limit = _LIMIT.search(usual.message)
    return ErrorWords(
        kinds=tuple(filter(None, (code, *meant, *usual.kinds))),
        message=usual.message,
        limit=limit[1].lower().replace(" ", "-") if limit else None,
    )


def _error_code(payload: object) -> str | None:
    match payload:
        case {"error": {"details": {"error_code": str(code)}}}:
            return code
        case _:
            return None
