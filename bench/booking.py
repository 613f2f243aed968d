"""Who books in the measure of bookings: signed in, each with a practitioner of their own."""

from bench.load import Buyer, sign_in
from bench.site import Site
from tests.support.cast import PASSWORD


def make_buyers(site: Site, clients: int) -> list[Buyer]:
    """Sign in so many people. Nobody else's visits are in their way."""
    data = site.data
    people = data.people[:clients]
    signed_in = site.load.submit(sign_in, site.portal.port, people, PASSWORD).result()
    return [
        Buyer(person, place, starts, cookies, token)
        for person, place, starts, (cookies, token) in zip(people, data.places, data.free, signed_in, strict=False)
    ]
