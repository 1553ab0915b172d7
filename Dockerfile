# One image for web, worker, beat and migrate; docker-compose.yml says which is which.
# Behind mirrors: REGISTRY is put before the name of the base image (mirror.example.com/library/), PIP_INDEX_URL is
# pip's index, APT_MIRROR the host of Debian's packages (http://mirror.example.com).
ARG REGISTRY=""

FROM ${REGISTRY}python:3.11-slim AS packages
ARG PIP_INDEX_URL=""
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv /opt/venv && /opt/venv/bin/pip install --require-hashes -r requirements.txt

FROM ${REGISTRY}python:3.11-slim
ARG APT_MIRROR=""
RUN if [ -n "$APT_MIRROR" ]; then \
        sed -Ei "s#https?://[^/ ]+#${APT_MIRROR%/}#" /etc/apt/sources.list.d/debian.sources; \
    fi \
    && apt-get update && apt-get upgrade -y && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /tmp --shell /usr/sbin/nologin perfplatform
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY --from=packages /opt/venv /opt/venv
COPY . ./
# Settings want their values even here; these end with the command and are in no layer.
RUN SECRET_KEY="$(python -c 'import secrets; print(secrets.token_hex(32))')" \
    && export SECRET_KEY MONGODB_URI=mongodb://unused REDIS_URL=redis://unused PUBLIC_URL=http://unused \
    && python manage.py collectstatic --noinput && python manage.py build_sdk \
    && python -m compileall -q perfplatform projects profiles analysis
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", \
     "--blocking-threads", "16", "--respawn-failed-workers", "perfplatform.wsgi:application"]
