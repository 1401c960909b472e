"""Images whose URL is the image itself: not every wire takes those as URLs. No I/O."""

from dataclasses import replace

from ..parts import ImagePart


def inlined(part: ImagePart) -> ImagePart:
    """The image with its data where its URL is a `data:` URL in base64 (RFC 2397), and else as it is."""
    head, comma, data = (part.url or "").partition(",")
    if part.data is None and comma and head.startswith("data:") and head.endswith(";base64"):
        return replace(part, data=data, url=None)
    return part
