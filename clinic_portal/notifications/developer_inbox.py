"""What the developer's inbox shows: the folder of messages as a phone and a mailbox, newest first."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from clinic_portal.core.errors import NotFound
from clinic_portal.providers.base import Channel
from clinic_portal.providers.inbox import InboxItem, scan_inbox

#: A demo clinic writes a lot; more than this nobody reads.
SHOWN = 60


@dataclass(frozen=True)
class Mailbox:
    """The messages to one address, or to everybody. `more` were left out."""

    texts: list[InboxItem]
    emails: list[InboxItem]
    more: int
    #: Every address that was written to, whether shown or not.
    addresses: list[str]
    #: Files that are not messages of ours.
    unreadable: list[str]


def folder_version(folder: Path) -> str:
    """Return what changes whenever a message comes or goes, without reading any."""
    try:
        names = sorted(path.name for path in folder.iterdir() if path.suffix == ".json")
    except FileNotFoundError:
        names = []
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


def look_into(folder: Path, *, to: str) -> Mailbox:
    """Return what was sent to the address; to all of them when it is empty."""
    scan = scan_inbox(folder)
    wanted = [item for item in scan.items if not to or item.to == to]
    texts = [item for item in wanted if item.channel is Channel.SMS]
    emails = [item for item in wanted if item.channel is Channel.EMAIL]
    return Mailbox(
        texts=texts[:SHOWN],
        emails=emails[:SHOWN],
        more=len(texts[SHOWN:]) + len(emails[SHOWN:]),
        addresses=sorted({item.to for item in scan.items}),
        unreadable=scan.unreadable,
    )


def find_email(folder: Path, item_id: str) -> InboxItem:
    """Return one e-mail. Raises: NotFound."""
    for item in scan_inbox(folder).items:
        if item.id == item_id and item.channel is Channel.EMAIL:
            return item
    raise NotFound
