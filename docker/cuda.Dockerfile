# A server for runs, exported models and layouts, on an NVIDIA GPU. Not built yet: checked by hadolint alone.
#
#   docker build -f docker/cuda.Dockerfile -t ingan-fast:cuda .
#   docker run --rm --gpus all -p 127.0.0.1:8000:8000 -v "$PWD/runs/fruit:/model:ro" ingan-fast:cuda \
#       serve /model --host 0.0.0.0 --port 8000 --token "$TOKEN"
#
# torch brings the CUDA libraries, so the base image has none: the host needs a driver and the NVIDIA Container Toolkit.
# Not the slim image: this one has a C compiler, for the inner loops of layouts.
FROM python:3.13 AS build
ARG EXTRAS=studio,gpu,hub
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY ingan_fast ingan_fast
COPY kernels kernels
COPY export export
COPY models models
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
    && python -m venv /opt/ingan-fast \
    && /opt/ingan-fast/bin/pip install --no-cache-dir "$(echo /wheels/*.whl)[${EXTRAS}]"

FROM python:3.13-slim
# Triton compiles the launchers of its kernels with a C compiler when they are first used.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home ingan
COPY --from=build /opt/ingan-fast /opt/ingan-fast
ENV PATH=/opt/ingan-fast/bin:$PATH PYTHONUNBUFFERED=1 \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001
WORKDIR /home/ingan
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["ingan-fast"]
CMD ["serve", "/model", "--host", "0.0.0.0", "--port", "8000"]
