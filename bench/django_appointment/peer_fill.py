"""Makes the peer's tables, staff, clients and appointments, as many as the portal has; prints what the load needs."""

import json
import sys
from datetime import date, time, timedelta
from itertools import product

import django
from django.core.management import call_command

#: Where its own rows are; what the load books comes later (`bench.peer_load`).
DAYS = [date(2030, 1, 1) + timedelta(days=number) for number in range(300)]


def main(appointments: int) -> None:
    django.setup()
    for app in ("contenttypes", "auth", "sessions", "admin"):
        call_command("migrate", app, verbosity=0)
    call_command("migrate", run_syncdb=True, verbosity=0)  # The package has no migrations of its own tables.

    from appointment.models import Config, Service, StaffMember, WorkingHours
    from django.contrib.auth import get_user_model, login
    from django.contrib.sessions.backends.db import SessionStore
    from django.test import RequestFactory

    hours = {"lead_time": time(8), "finish_time": time(20), "slot_duration": 30, "appointment_buffer_time": 0}
    Config.objects.create(website_name="Clínica Ribeira", **hours)
    service = Service.objects.create(name="Massage", duration=timedelta(minutes=30), price=0)
    users, staff, sessions = get_user_model().objects, [], []
    for number in range(20):
        user = users.create_user(f"staff{number}", f"staff{number}@example.org", first_name="Eva", last_name="Lobo")
        member = StaffMember.objects.create(user=user, **hours)
        member.services_offered.add(service)
        for weekday in range(7):
            WorkingHours.objects.create(staff_member=member, day_of_week=weekday, start_time=time(8), end_time=time(20))
        staff.append(member)
    for number in range(16):
        user = users.create_user(f"ana{number}", f"ana{number}@example.org", first_name="Ana", last_name="Silva")
        request = RequestFactory().get("/")
        request.session = SessionStore()
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        request.session.save()
        sessions.append(request.session.session_key)
    fill(appointments, service, staff, user)
    said = {"service": service.id, "staff": [member.id for member in staff], "sessions": sessions}
    json.dump(said, sys.stdout)


def fill(count: int, service: object, staff: list, client: object) -> None:
    from appointment.models import Appointment, AppointmentRequest

    times = product(DAYS, range(24), staff)
    requests = [
        AppointmentRequest(
            date=day, start_time=time(8 + slot // 2, slot % 2 * 30), end_time=time(8 + (slot + 1) // 2, (slot + 1) % 2 * 30),
            service=service, staff_member=member, id_request=f"request{number}",
        )
        for number, (day, slot, member) in zip(range(count), times, strict=False)
    ]  # fmt: skip
    made = AppointmentRequest.objects.bulk_create(requests, batch_size=1000)
    Appointment.objects.bulk_create(
        [
            Appointment(client=client, appointment_request=one, phone="+351912345678", id_request=f"visit{one.id}")
            for one in made
        ],
        batch_size=1000,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
