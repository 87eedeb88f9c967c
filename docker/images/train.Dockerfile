# The image that trains: vitrine-model with torch, for a CPU or for NVIDIA GPUs.
#
#   docker build -f docker/images/train.Dockerfile --build-arg TORCH_LINKS=... -t vitrine-train .
#   docker build -f docker/images/train.Dockerfile --build-arg LOCK=train-cuda -t vitrine-train:cuda .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" vitrine-train train --data pictures --run runs/pets
#
# TORCH_LINKS is the address of a page that links to torch's CPU wheel: PyTorch publishes it in an
# index of its own. Leave it out where pip's own settings find the wheel.

ARG BASE=docker.io/library/debian:bookworm-slim

FROM ${BASE} AS python
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt/* /var/log/*.log

FROM python AS build
RUN cp /var/lib/dpkg/status /tmp/debian-status \
    && apt-get update \
    && apt-get install --yes --no-install-recommends python3-venv
WORKDIR /build/source
COPY docker/requirements/build.txt docker/requirements/
RUN python3 -m venv /build/tools \
    && python3 -m venv --without-pip /opt/vitrine \
    && /build/tools/bin/pip install --no-cache-dir --only-binary :all: --require-hashes --requirement docker/requirements/build.txt

# train has torch's CPU wheel; train-cuda has torch as the common index offers it, with CUDA's libraries.
ARG LOCK=train
ARG TORCH_LINKS=
COPY docker/requirements docker/requirements
RUN /build/tools/bin/pip --python /opt/vitrine/bin/python install --no-cache-dir --no-compile --only-binary :all: \
        --require-hashes ${TORCH_LINKS:+--find-links "$TORCH_LINKS"} --requirement "docker/requirements/$LOCK.txt" \
    && /opt/vitrine/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/vitrine/lib

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

# Pictures, runs and bundles lie in /work; downloads are kept in /tmp.
FROM python
ENV PATH=/opt/vitrine/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001:10001
WORKDIR /work
STOPSIGNAL SIGTERM
ENTRYPOINT ["vitrine-model"]
CMD ["--help"]

COPY --from=build /opt/vitrine /opt/vitrine
COPY --from=build /build/package/opt/vitrine /opt/vitrine

ARG BASE
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Vitrine training" \
    org.opencontainers.image.description="Trains Vision Transformers and makes the bundles that Vitrine serves." \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.base.name="${BASE}" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
