"""The application factory: assembles the features into a page server or a socket server."""

from flask import Flask
from flask_login import LoginManager
from htmx_flask import Htmx

from clinic_portal import wiring
from clinic_portal.accounts.queries import find_session
from clinic_portal.accounts.routes import blueprint as accounts_blueprint
from clinic_portal.admin.routes import blueprint as admin_blueprint
from clinic_portal.booking.routes import blueprint as booking_blueprint
from clinic_portal.booking.routes.common import has_many_clocks
from clinic_portal.booking.routes.holding import held_on_the_way
from clinic_portal.core.clock import Clock, SystemClock
from clinic_portal.core.jobs import JobRuntime
from clinic_portal.core.settings import Settings
from clinic_portal.dependents.routes import blueprint as dependents_blueprint
from clinic_portal.front_desk.routes import blueprint as front_desk_blueprint
from clinic_portal.notifications.queries import hears_of_nothing, sms_stop
from clinic_portal.notifications.routes import blueprint as notifications_blueprint
from clinic_portal.waiting_room.routes import blueprint as waiting_room_blueprint
from clinic_portal.waiting_room.sockets import init_sockets
from clinic_portal.web import assets, errors, filters, hosts, i18n, limits, security
from clinic_portal.web.access import SignedIn, current_actor
from clinic_portal.web.addresses import can_be_opened
from clinic_portal.web.database import EXTENSION_KEY, clock, db_session, init_database, session_factory
from clinic_portal.web.pages import wants_fragment
from clinic_portal.web.routes import blueprint as web_blueprint

BLUEPRINTS = (
    web_blueprint,
    accounts_blueprint,
    dependents_blueprint,
    booking_blueprint,
    notifications_blueprint,
    waiting_room_blueprint,
    front_desk_blueprint,
    admin_blueprint,
)


def create_app(settings: Settings, time: Clock | None = None) -> Flask:
    """Return the page server. Connects to nothing until the first request."""
    app = _base_app(settings, time or SystemClock())
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app


def create_live_app(settings: Settings, time: Clock | None = None) -> Flask:
    """Return the socket server: the same application (its sign-in and health check are needed) with the sockets."""
    app = create_app(settings, time)
    init_sockets(app, settings)
    return app


def _base_app(settings: Settings, time: Clock) -> Flask:
    app = Flask(
        "clinic_portal",
        template_folder=str(settings.root / "templates"),
        static_folder=None,
        root_path=str(settings.root / "clinic_portal"),
    )
    app.testing = settings.environment == "test"
    app.extensions[EXTENSION_KEY] = {"clock": time, "settings": settings}
    security.init_security(app, settings)
    init_database(app, settings, wiring.session_info(settings))
    i18n.init_i18n(app, settings)
    filters.init_filters(app)
    limits.init_limits(app, settings)
    errors.init_errors(app)
    assets.init_assets(app, settings)
    Htmx(app)
    _init_sign_in(app)
    _init_templates(app, settings)
    app.extensions[EXTENSION_KEY]["jobs"] = JobRuntime(
        make_session=session_factory(app),
        clock=time,
        settings=settings,
    )
    return app


def _init_sign_in(app: Flask) -> None:
    manager = LoginManager(app)
    manager.session_protection = None

    @manager.user_loader  # type: ignore[untyped-decorator]  # Flask-Login has no types
    def load(token: str) -> SignedIn | None:
        found = find_session(db_session(), clock(), token)
        return SignedIn(token, found.session_id, found.actor, found.last_seen_at) if found else None


def _init_templates(app: Flask, settings: Settings) -> None:
    app.jinja_env.globals.update(
        clinic_name=settings.clinic_name,
        clinic_phone=settings.clinic_phone,
        can_be_opened=can_be_opened,
        # Asked by pages of tiers below the one that knows.
        sms_stop_of=lambda number: sms_stop(db_session(), clock(), number),
        hears_of_nothing=lambda account_id, number: hears_of_nothing(db_session(), account_id, number),
        held_on_the_way=held_on_the_way,
        has_many_clocks=has_many_clocks,
    )

    @app.context_processor
    def request_values() -> dict[str, object]:
        return {
            "actor": current_actor(),
            "current_language": i18n.current_language(),
            "live_url": hosts.live_origin(settings),
            "htmx_request": wants_fragment(),
        }
