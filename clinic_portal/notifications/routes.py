"""Pages of this feature."""

from flask import Blueprint

blueprint = Blueprint("notifications", __name__)
