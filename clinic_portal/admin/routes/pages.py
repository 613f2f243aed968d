"""The blueprint of the administration, and what its layout needs on every page."""

from flask import Blueprint

from clinic_portal.admin.sections import SECTIONS

blueprint = Blueprint("admin", __name__)


@blueprint.context_processor
def layout_values() -> dict[str, object]:
    """Give the layout its sections."""
    return {"sections": SECTIONS}
