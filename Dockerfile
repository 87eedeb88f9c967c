# Vitrine's CPU image: Debian's Python, the service and its embedded model; no torch, no pip.
#
#   docker build --build-arg VERSION=1.2.3 --build-arg REVISION=$(git rev-parse HEAD) -t vitrine .
#   docker run --rm --read-only --cap-drop ALL -p 8000:8000 vitrine
#
# docker/README.md tells how to serve other bundles; docker/prove.sh builds and tries it for real.

ARG BASE=docker.io/library/debian:bookworm-slim
ARG EXTRAS=cpu

# The interpreter, in the final image and under everything that is built for it.
FROM ${BASE} AS python
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt/* /var/log/*.log

# pip stays in an environment of its own, so that the one that is served never holds it.
FROM python AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-venv
RUN python3 -m venv /build/tools \
    && python3 -m venv --without-pip /opt/vitrine
WORKDIR /build/source

# What the service needs, in a layer that changes with pyproject.toml alone. Wheels bring tests and
# C headers that nothing loads. Bytecode is compiled here, unchecked: a read-only root cannot do it.
ARG EXTRAS
COPY pyproject.toml ./
RUN python3 -c 'import sys, tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; print(*project["dependencies"], *(needed for extra in sys.argv[1].split(",") for needed in project["optional-dependencies"][extra]), sep="\n")' "$EXTRAS" > requirements.txt \
    && /build/tools/bin/pip --python /opt/vitrine/bin/python install --no-cache-dir --no-compile --requirement requirements.txt \
    && find /opt/vitrine/lib -depth -type d \( -name tests -o -path '*/numpy/_core/include' \) -exec rm -r {} + \
    && /opt/vitrine/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/vitrine/lib

# The service, apart from what it needs: this layer is small, and the one that changes.
COPY README.md LICENSE ./
COPY service service
COPY model model
RUN /build/tools/bin/pip --python /opt/vitrine/bin/python install --no-cache-dir --no-compile --no-deps --root /build/package . \
    && /opt/vitrine/bin/python -m compileall -q --invalidation-mode unchecked-hash \
        -s /build/package /build/package/opt/vitrine/lib

FROM python
ENV PATH=/opt/vitrine/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    VITRINE_HOST=0.0.0.0 \
    VITRINE_PORT=8000

# A number, so that an orchestrator can tell that it is not root. Any other number works as well.
USER 10001:10001
WORKDIR /
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; ready = http.client.HTTPConnection('127.0.0.1', int(os.environ['VITRINE_PORT']), timeout=2); ready.request('GET', '/health/ready'); sys.exit(ready.getresponse().status != 200)"]
ENTRYPOINT ["vitrine"]
CMD ["serve"]

COPY --from=build /opt/vitrine /opt/vitrine
COPY --from=build /build/package/opt/vitrine /opt/vitrine

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Vitrine" \
    org.opencontainers.image.description="Serves Vision Transformers and shows what they see." \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
