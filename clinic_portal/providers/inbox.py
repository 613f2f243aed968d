"""The developer's inbox: a folder with one JSON file a message, safe to kill at any instruction.

A message is written to a hidden file, forced to disk and then linked to its name, which fails if the name exists. So a
file with a message's name is always whole, and one idempotency key never makes two.
"""

import base64
import contextlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from clinic_portal.providers.base import Accepted, Channel, well_formed
from clinic_portal.providers.email.base import Attachment
from clinic_portal.providers.errors import ProviderError

_NAME = re.compile(r"(?:sms|email)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json")
_UNFINISHED = ".unfinished-"


class _BrokenLetterError(ValueError):
    """The file is not one of ours, or not a whole one."""


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A message of any channel, before it is put into the inbox."""

    channel: Channel
    to: str
    sender: str
    text: str = field(repr=False)
    subject: str | None = None
    html: str | None = field(default=None, repr=False)
    reply_to: str | None = None
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, kw_only=True)
class InboxItem(Letter):
    """A message that was put into the inbox. `id` is unique in the folder and safe in a URL; `sent_at` is aware UTC."""

    id: str
    sent_at: datetime


@dataclass(frozen=True)
class InboxScan:
    """What a folder holds: its messages, newest first, and the names of files that are not messages of ours."""

    items: list[InboxItem]
    unreadable: list[str]


def put(folder: Path, letter: Letter, *, idempotency_key: UUID, now: Callable[[], datetime]) -> Accepted:
    """Store the message under its key; a repeat of the key changes nothing.

    Raises: ProviderError "<channel>.inbox_unwritable", retryable.
    """
    name = f"{letter.channel}-{idempotency_key}"
    content = json.dumps(_to_json(letter, sent_at=now().astimezone(UTC)), indent=1).encode()
    try:
        _write_once(folder, f"{name}.json", content)
    except OSError as error:
        raise ProviderError(f"{letter.channel}.inbox_unwritable", retryable=True) from error
    return Accepted(f"inbox:{name}")


def read_inbox(folder: Path) -> list[InboxItem]:
    """The messages, newest first. Files that are not messages are left out; `scan_inbox` names them."""
    return scan_inbox(folder).items


def scan_inbox(folder: Path) -> InboxScan:
    """Everything in the folder; a folder that does not exist is an empty one."""
    items: list[InboxItem] = []
    unreadable: list[str] = []
    for path in _listing(folder):
        if path.name.startswith(_UNFINISHED):
            continue
        try:
            items.append(_read(path))
        except FileNotFoundError:
            continue  # Cleared by somebody since it was listed.
        except (OSError, ValueError, RecursionError):
            unreadable.append(path.name)
    items.sort(key=lambda item: (item.sent_at, item.id), reverse=True)
    return InboxScan(items, sorted(unreadable))


def clear_inbox(folder: Path) -> int:
    """Delete our files, whole or not, and leave foreign ones. Returns how many messages went."""
    cleared = 0
    for path in _listing(folder):
        is_message = _NAME.fullmatch(path.name) is not None
        if is_message or path.name.startswith(_UNFINISHED):
            path.unlink(missing_ok=True)
            cleared += is_message
    return cleared


def opt_out(folder: Path, number: str) -> None:
    """Have a phone answer STOP. Raises: ProviderError "sms.inbox_unwritable", retryable."""
    try:
        _stopped(folder).mkdir(parents=True, exist_ok=True)
        (_stopped(folder) / _digits(number)).touch()
    except OSError as error:
        raise ProviderError("sms.inbox_unwritable", retryable=True) from error


def opt_in(folder: Path, number: str) -> None:
    """Have texts go to a phone again. Raises: ProviderError "sms.inbox_unwritable", retryable."""
    try:
        (_stopped(folder) / _digits(number)).unlink(missing_ok=True)
    except OSError as error:
        raise ProviderError("sms.inbox_unwritable", retryable=True) from error


def opted_out(folder: Path) -> frozenset[str]:
    """Return the phones that answered STOP. Raises: ProviderError "sms.inbox_unwritable", retryable."""
    try:
        return frozenset(f"+{path.name}" for path in _listing(_stopped(folder)))
    except OSError as error:
        raise ProviderError("sms.inbox_unwritable", retryable=True) from error


def _stopped(folder: Path) -> Path:
    # Beside the messages, not among them.
    return folder.with_name(f"{folder.name}-stopped")


def _digits(number: str) -> str:
    return "".join(letter for letter in number if letter in "0123456789")


def _listing(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def _write_once(folder: Path, name: str, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(prefix=_UNFINISHED, dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # The name exists if the key has been used: the first message stands.
        with contextlib.suppress(FileExistsError):
            os.link(unfinished, folder / name)
    finally:
        Path(unfinished).unlink(missing_ok=True)
    # Also after a repeat: whoever linked the name may have died before the folder was on disk.
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _to_json(letter: Letter, *, sent_at: datetime) -> dict[str, object]:
    return {
        "channel": letter.channel.value,
        "to": letter.to,
        "sender": letter.sender,
        "sent_at": sent_at.isoformat(),
        "subject": letter.subject,
        "text": well_formed(letter.text),
        "html": None if letter.html is None else well_formed(letter.html),
        "reply_to": letter.reply_to,
        "attachments": [
            {
                "filename": attachment.filename,
                "content_type": attachment.content_type,
                "content": base64.b64encode(attachment.content).decode("ascii"),
            }
            for attachment in letter.attachments
        ],
    }


def _read(path: Path) -> InboxItem:
    """Raises: ValueError (`_BrokenLetterError`, or what JSON, base64 and dates raise); OSError."""
    if not _NAME.fullmatch(path.name):
        raise _BrokenLetterError(path.name)
    data = _mapping(json.loads(path.read_bytes()))
    sent_at = datetime.fromisoformat(_text(data, "sent_at"))
    if sent_at.tzinfo is None:
        raise _BrokenLetterError(path.name)
    attachments = data.get("attachments")
    if not isinstance(attachments, Sequence) or isinstance(attachments, str):
        raise _BrokenLetterError
    return InboxItem(
        id=path.stem,
        sent_at=sent_at.astimezone(UTC),
        channel=Channel(_text(data, "channel")),
        to=_text(data, "to"),
        sender=_text(data, "sender"),
        subject=_optional_text(data, "subject"),
        text=_text(data, "text"),
        html=_optional_text(data, "html"),
        reply_to=_optional_text(data, "reply_to"),
        attachments=tuple(_attachment(_mapping(entry)) for entry in attachments),
    )


def _attachment(data: Mapping[str, object]) -> Attachment:
    return Attachment(
        filename=_text(data, "filename"),
        content_type=_text(data, "content_type"),
        content=base64.b64decode(_text(data, "content"), validate=True),
    )


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _BrokenLetterError
    return value


def _text(data: Mapping[str, object], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str):
        raise _BrokenLetterError(key)
    return value


def _optional_text(data: Mapping[str, object], key: str) -> str | None:
    return None if data.get(key) is None else _text(data, key)
