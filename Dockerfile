# CMMD for CPU or GPU, for any user and a read-only root file system (docs/scale.md):
#   docker build -t cmmd .
#   docker build -t cmmd:gpu --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128 .
#   docker run --rm --read-only --tmpfs /tmp --user "$(id -u):$(id -g)" -v "$PWD:/work" cmmd generate clips -o results
ARG PYTHON=3.11
FROM python:${PYTHON}-slim-bookworm

# The wheels of torch: `cpu`, or the CUDA version that the driver of the nodes supports. The libraries of CUDA are part
# of the wheels. Wheels of this index have a local version (2.13.0+cpu), which pip prefers to that of PyPI.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG EXTRA=cluster

WORKDIR /opt/cmmd
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src ./src
RUN pip install --no-cache-dir --extra-index-url "${TORCH_INDEX}" "./[${EXTRA}]" --constraint constraints.txt

# Any user id, also one without an entry in /etc/passwd, for which getpass needs USER. Everything that is written
# outside the folders of a command goes to /tmp; mount a volume at /tmp/cache to keep downloads and embeddings.
ENV HOME=/tmp \
    USER=cmmd \
    LOGNAME=cmmd \
    XDG_CACHE_HOME=/tmp/cache \
    HF_HOME=/tmp/cache/huggingface \
    MPLCONFIGDIR=/tmp/cache/matplotlib \
    TORCHINDUCTOR_CACHE_DIR=/tmp/cache/torchinductor \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    RAY_USAGE_STATS_ENABLED=0

USER 65534:65534
WORKDIR /work
ENTRYPOINT ["cmmd"]
CMD ["--help"]
