"""What to say when a visit can no longer be changed on its pages."""

from flask import request
from flask_babel import format_timedelta
from werkzeug.wrappers import Response

from clinic_portal.booking.queries import VisitFacts
from clinic_portal.web.database import clock
from clinic_portal.web.pages import render_page


def too_late_page(visit: VisitFacts, *, back: str) -> Response:
    """Say until when it was possible, how long ago that was, and whom to phone."""
    late_by = format_timedelta(clock().now() - visit.change_until, granularity="minute", threshold=1.5)
    status = 409 if request.method == "POST" else 200
    return render_page("booking/too_late.html", status=status, visit=visit, late_by=late_by, back=back)
