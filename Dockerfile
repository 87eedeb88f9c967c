# Vitrine's images that serve: Debian's Python, the service and its embedded model; no torch, no pip.
#
#   docker build --build-arg VERSION=1.2.3 --build-arg REVISION=$(git rev-parse HEAD) -t vitrine .
#   docker run --rm --read-only --cap-drop ALL -p 8000:8000 vitrine
#
# For an NVIDIA GPU: docker build --target gpu --build-arg EXTRAS=gpu -t vitrine:gpu .
#
# docker/README.md tells how to serve other bundles; docker/prove.sh builds and tries it for real.

# A tag moves with Debian's security updates. For the same base every time, name it by its digest:
# --build-arg BASE=docker.io/library/debian:bookworm-slim@sha256:...
ARG BASE=docker.io/library/debian:bookworm-slim
ARG EXTRAS=cpu

# The interpreter, in the final image and under everything that is built for it.
FROM ${BASE} AS python
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt/* /var/log/*.log

# pip stays in an environment of its own, so that the one that is served never holds it.
FROM python AS build
RUN cp /var/lib/dpkg/status /tmp/debian-status \
    && apt-get update \
    && apt-get install --yes --no-install-recommends python3-venv
WORKDIR /build/source
COPY docker/requirements/build.txt docker/requirements/
RUN python3 -m venv /build/tools \
    && python3 -m venv --without-pip /opt/vitrine \
    && /build/tools/bin/pip install --no-cache-dir --only-binary :all: --require-hashes --requirement docker/requirements/build.txt

# What the service needs, in a layer that changes with the locks alone. Wheels bring tests and C
# headers that nothing loads, and onnxruntime's a second copy of its library, for C programs.
# Bytecode is compiled here, unchecked: a read-only root cannot do it.
ARG EXTRAS
COPY docker/requirements docker/requirements
RUN /build/tools/bin/pip --python /opt/vitrine/bin/python install --no-cache-dir --no-compile --only-binary :all: \
        --require-hashes $(echo "$EXTRAS" | tr , '\n' | sed 's,.*,--requirement docker/requirements/&.txt,') \
    && find /opt/vitrine/lib -depth -type d \( -name tests -o -path '*/numpy/_core/include' \) -exec rm -r {} + \
    && case $EXTRAS in cpu*) rm /opt/vitrine/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.* ;; esac \
    && /opt/vitrine/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/vitrine/lib \
    && /opt/vitrine/bin/python -c 'import onnxruntime'

# The service, apart from what it needs: this layer is small, and the one that changes. With it
# comes the list of all that is installed, Debian's packages too.
COPY pyproject.toml README.md LICENSE ./
COPY service service
COPY model model
COPY docker/sbom.py docker/
RUN /build/tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /build/wheels . \
    && /build/tools/bin/pip --python /opt/vitrine/bin/python install --no-index --find-links /build/wheels --no-compile --no-deps --root /build/package vitrine \
    && /opt/vitrine/bin/python -m compileall -q --invalidation-mode unchecked-hash \
        -s /build/package /build/package/opt/vitrine/lib \
    && site=$(echo /build/package/opt/vitrine/lib/python3*/site-packages) \
    && PYTHONPATH=$site /build/tools/bin/cyclonedx-py environment --short-PURLs --output-reproducible /opt/vitrine/bin/python \
        | python3 docker/sbom.py /tmp/debian-status > /build/package/opt/vitrine/sbom.cdx.json

FROM python AS serve
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

ARG BASE
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Vitrine" \
    org.opencontainers.image.description="Serves Vision Transformers and shows what they see." \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.base.name="${BASE}" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"

# CUDA and cuDNN are Python packages, locked like the others; onnxruntime finds them by this path.
# It refuses to fall back to the CPU: whoever wants that runs the other image.
FROM serve AS gpu
ENV LD_LIBRARY_PATH=/opt/vitrine/lib/python3.11/site-packages/nvidia/cu13/lib:/opt/vitrine/lib/python3.11/site-packages/nvidia/cudnn/lib \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    VITRINE_PROVIDER=cuda

FROM serve AS cpu
