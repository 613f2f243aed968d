"""How one is reminded; and the developer's inbox, which is not there in production: what went out, as it looks."""

from io import BytesIO

from flask import Blueprint, flash, make_response, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from clinic_portal.accounts.fields import phone_in_words
from clinic_portal.accounts.queries import get_account
from clinic_portal.core.errors import NotFound
from clinic_portal.notifications.developer_inbox import find_email, folder_version, look_into
from clinic_portal.notifications.forms import RemindersForm
from clinic_portal.notifications.queries import Channel, stopped_numbers, unwanted_channels
from clinic_portal.notifications.use_cases.ask_for_sms_again import ask_for_sms_again
from clinic_portal.notifications.use_cases.choose_reminders import choose_reminders as choosing
from clinic_portal.providers.inbox import InboxItem, clear_inbox, opt_in, opt_out, opted_out
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session, settings
from clinic_portal.web.limits import limited
from clinic_portal.web.pages import not_changed, render_page, see_other, wants_fragment

blueprint = Blueprint("notifications", __name__)

#: The wall clock of whoever tries the portal out.
TZ = "Europe/Lisbon"

#: An e-mail may look as it likes, but it runs nothing and loads nothing. Its links open in a new window.
EMAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none';"
    " frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)


@blueprint.route("/account/reminders", methods=["GET", "POST"])
@right(Right.PATIENT)
def choose_reminders() -> ResponseReturnValue:
    """Choose on which channels one is reminded."""
    actor, db = require_actor(), db_session()
    unwanted = unwanted_channels(db, [actor.account_id] if actor.account_id else []).values()
    off = {channel for channels in unwanted for channel in channels}
    form = RemindersForm(by_sms=Channel.SMS not in off, by_email=Channel.EMAIL not in off)
    if form.validate_on_submit():
        boxes = {Channel.SMS: form.by_sms, Channel.EMAIL: form.by_email}
        choosing(db, clock(), actor=actor, wanted=[channel for channel, box in boxes.items() if box.data])
        flash(_("Saved: this is how we remind you from now on."))
        return see_other(url_for("accounts.account"))
    account = get_account(db, actor.account_id)
    sms_hint = _sms_hint(account.confirmed_phone)
    return render_page("notifications/reminders.html", form=form, account=account, sms_hint=sms_hint)


def _sms_hint(number: str | None) -> str:
    if number is None:
        hint: str = _("Needs a mobile number that you have confirmed")
        return hint
    hint = phone_in_words(number)
    if stopped_numbers(db_session(), [number]):
        hint = _(
            "%(phone)s: no SMS, because this number answered STOP. You can change that on the page of your account.",
            phone=hint,
        )
    return hint


@blueprint.post("/account/sms")
@right(Right.SIGNED_IN)
@limited("10 per minute")
def turn_sms_on() -> ResponseReturnValue:
    """Have SMS come to one's phone again, from which STOP was answered."""
    ask_for_sms_again(db_session(), clock(), actor=require_actor())
    flash(_("SMS are being turned on again. That can take some minutes."))
    return see_other(url_for("accounts.account"))


@blueprint.get("/developer/inbox")
@right(Right.DEVELOPMENT)
def developer_inbox() -> ResponseReturnValue:
    """Show what went out, to one address or to all. A page that shows the newest already gets 204."""
    seen = request.args.get("seen")
    if wants_fragment() and seen == folder_version(settings().inbox_folder):
        return not_changed()
    return _show(opened_id=request.args.get("open", ""), opened=None)


@blueprint.get("/developer/inbox/<item_id>")
@right(Right.DEVELOPMENT)
def show_email(item_id: str) -> ResponseReturnValue:
    """Show the inbox with one e-mail open."""
    return _show(opened_id=item_id, opened=find_email(settings().inbox_folder, item_id))


@blueprint.get("/developer/inbox/<item_id>/html")
@right(Right.DEVELOPMENT)
def show_email_body(item_id: str) -> ResponseReturnValue:
    """Return an e-mail's HTML for the frame of the page."""
    response = make_response(find_email(settings().inbox_folder, item_id).html or "")
    response.headers["Content-Security-Policy"] = EMAIL_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@blueprint.get("/developer/inbox/<item_id>/attachments/<int:number>")
@right(Right.DEVELOPMENT)
def download_attachment(item_id: str, number: int) -> ResponseReturnValue:
    """Return the nth file of an e-mail, the first is 0."""
    attachments = find_email(settings().inbox_folder, item_id).attachments
    if number >= len(attachments):
        raise NotFound
    found = attachments[number]
    content_type = found.content_type.partition(";")[0]
    return send_file(BytesIO(found.content), content_type, as_attachment=True, download_name=found.filename)


@blueprint.post("/developer/inbox/answer")
@right(Right.DEVELOPMENT)
def answer_sms() -> ResponseReturnValue:
    """Answer STOP to the clinic's texts from one of the phones, or START."""
    folder, number = settings().inbox_folder, request.form.get("from", "")
    if number in look_into(folder, to="").addresses:
        (opt_out if request.form.get("answer") == "STOP" else opt_in)(folder, number)
    return see_other(url_for("notifications.developer_inbox", to=number))


@blueprint.post("/developer/inbox/clear")
@right(Right.DEVELOPMENT)
def clear_developer_inbox() -> ResponseReturnValue:
    """Delete every message of the inbox."""
    clear_inbox(settings().inbox_folder)
    return see_other(url_for("notifications.developer_inbox"))


def _show(*, opened_id: str, opened: InboxItem | None) -> ResponseReturnValue:
    folder = settings().inbox_folder
    to = request.args.get("to", "")
    return render_page(
        "notifications/developer_inbox.html",
        block="news",
        # Taken before the messages are read: one that comes in between is fetched again rather than missed.
        version=folder_version(folder),
        mailbox=look_into(folder, to=to),
        to=to,
        has_stopped=to in opted_out(folder),
        opened=opened,
        opened_id=opened_id,
        as_text=request.args.get("as") == "text",
        tz=TZ,
        sms_provider=settings().sms_provider,
        email_provider=settings().email_provider,
    )
