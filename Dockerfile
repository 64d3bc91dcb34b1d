# ingestd: one process, a read-only root, everything that changes in /data.
#
#   docker build --tag ingestd .
#   docker run --rm -v ingestd-config:/config -v ingestd-data:/data ingestd init /
#   docker run --read-only --tmpfs /tmp -v ingestd-config:/config:ro -v ingestd-data:/data \
#       -p 2222:2222 -p 127.0.0.1:8080:8080 ingestd
ARG PYTHON=3.11

# The wheel, built by the locked tools: every package that takes part is checked by its hash.
FROM python:${PYTHON}-slim AS wheel
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
COPY requirements/dev.txt requirements/
RUN python -m pip install --require-hashes --requirement requirements/dev.txt
COPY pyproject.toml README.md LICENSE ./
COPY migrations migrations
COPY config config
COPY ingestd ingestd
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheels .

# The environment: what the lock names, and the wheel.
FROM python:${PYTHON}-slim AS environment
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/ingestd
COPY requirements/pdf.txt requirements/s3.txt /tmp/
RUN /opt/ingestd/bin/python -m pip install --require-hashes --only-binary=:all: \
        --requirement /tmp/pdf.txt --requirement /tmp/s3.txt
COPY --from=wheel /wheels /wheels
RUN /opt/ingestd/bin/python -m pip install --no-deps --no-index /wheels/*.whl \
    && /opt/ingestd/bin/python -m pip check \
    && /opt/ingestd/bin/ingestd --help >/dev/null

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="ingestd" \
      org.opencontainers.image.description="School billing files over SFTP, each row exactly once into a ledger" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
# What invoices as PDF are drawn with. Names in more scripts need more fonts, such as fonts-noto.
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends \
        fonts-dejavu-core libharfbuzz-subset0 libpango-1.0-0 libpangoft2-1.0-0 \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --system --gid 10001 ingestd \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /data ingestd \
    && install --directory --mode 0750 --owner 10001 --group 10001 /config /data
COPY --from=environment /opt/ingestd /opt/ingestd
# HTTP listens on all of the container's addresses: else nobody outside could ask for health.
# Fonts are looked up anew in each container: the cache is nothing for /data.
ENV PATH=/opt/ingestd/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    XDG_CACHE_HOME=/tmp \
    INGESTD_CONFIG=/config/ingestd.toml \
    INGESTD_HTTP__LISTEN=0.0.0.0:8080
USER 10001:10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 2222 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["ingestd"]
# A container that ended because of a mistake in the config would be started again and again.
CMD ["serve", "--wait-for-config"]
