"""Pages of this feature."""

from flask import Blueprint

blueprint = Blueprint("front_desk", __name__)
