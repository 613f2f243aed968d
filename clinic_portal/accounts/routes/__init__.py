"""Pages of this feature."""

from clinic_portal.accounts.routes import account, password, register, sessions, sign_in
from clinic_portal.accounts.routes.common import blueprint

__all__ = ["account", "blueprint", "password", "register", "sessions", "sign_in"]
