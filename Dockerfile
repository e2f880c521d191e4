# Two stages: the first checks every wheel against the lock file's hashes, the second holds only what runs.
FROM python:3.13-slim AS build
WORKDIR /build
COPY requirements.lock ./
RUN pip wheel --no-cache-dir --quiet --require-hashes --requirement requirements.lock --wheel-dir /wheels
COPY pyproject.toml README.md LICENSE ./
COPY pipeline pipeline
COPY subscribers subscribers
COPY templates templates
# From the checked wheels alone; what only tests need stays behind.
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --quiet --no-index --find-links /wheels . \
    && /venv/bin/pip uninstall --quiet --yes pip

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/pressrun --create-home pressrun
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=pipeline.settings \
    PRESSRUN_HOME=/var/lib/pressrun
USER pressrun
WORKDIR /var/lib/pressrun
VOLUME /var/lib/pressrun
EXPOSE 8000 2525
CMD ["pressrun", "--help"]
