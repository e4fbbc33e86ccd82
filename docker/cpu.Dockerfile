# A server for layouts and exported models, on a CPU. Not built yet: checked by hadolint alone.
#
#   docker build -f docker/cpu.Dockerfile -t ingan-fast .
#   docker run --rm -p 127.0.0.1:8000:8000 -v "$PWD/fruit:/model:ro" ingan-fast \
#       serve /model --host 0.0.0.0 --port 8000 --token "$TOKEN"
#
# Run folders need torch: --build-arg EXTRAS=studio,openvino,hub,train. Any other command: docker run … ingan-fast --help.
# Not the slim image: this one has a C compiler, for the inner loops of layouts.
FROM python:3.13 AS build
ARG EXTRAS=studio,openvino,hub
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY ingan_fast ingan_fast
COPY kernels kernels
COPY export export
COPY models models
# The second index has torch without CUDA, which pip prefers for its longer version (2.13.0+cpu).
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
    && python -m venv /opt/ingan-fast \
    && /opt/ingan-fast/bin/pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu \
        "$(echo /wheels/*.whl)[${EXTRAS}]"

FROM python:3.13-slim
RUN useradd --uid 10001 --create-home ingan
COPY --from=build /opt/ingan-fast /opt/ingan-fast
ENV PATH=/opt/ingan-fast/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
WORKDIR /home/ingan
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["ingan-fast"]
CMD ["serve", "/model", "--host", "0.0.0.0", "--port", "8000"]
