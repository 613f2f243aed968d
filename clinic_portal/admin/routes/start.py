"""The way into the administration."""

from flask.typing import ResponseReturnValue

from clinic_portal.admin.routes.pages import blueprint
from clinic_portal.web.access import Right, right
from clinic_portal.web.pages import render_page


@blueprint.get("/admin")
@right(Right.ADMIN)
def start() -> ResponseReturnValue:
    """Show every section as a card."""
    return render_page("admin/start.html")
