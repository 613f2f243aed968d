"""Where the peer's pages are."""

from django.urls import include, path

urlpatterns = [path("appointment/", include("appointment.urls"))]
