# syntax=docker/dockerfile:1
# Two stages: the first has what builds, the second what runs.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/firewarden
COPY requirements/run.txt requirements/run.txt
RUN /opt/firewarden/bin/python -m pip install --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY daemon daemon
COPY policies policies
RUN /opt/firewarden/bin/python -m pip install --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN groupadd --system --gid 10001 firewarden \
 && useradd --system --uid 10001 --gid firewarden --home-dir /data --no-create-home --shell /usr/sbin/nologin firewarden \
 && install --directory --owner=firewarden --group=firewarden --mode=0700 /data
COPY --from=build /opt/firewarden /opt/firewarden
COPY policies /etc/firewarden/policies
ENV PATH=/opt/firewarden/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    FIREWARDEN_DATABASE_URL=sqlite:////data/firewarden.db \
    FIREWARDEN_HTTP_TOKEN_FILE=/data/http-token \
    FIREWARDEN_LISTEN=0.0.0.0:8642 \
    FIREWARDEN_POLICIES=/etc/firewarden/policies
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8642
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["firewarden", "healthcheck"]
ENTRYPOINT ["firewarden"]
CMD ["run"]
