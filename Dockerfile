# tfstargan in a container.
#
#   docker build -t tfstargan .
#   docker run --rm -v "$PWD:/work" tfstargan samples --run_dir=preset:critters64
#
# For an NVIDIA GPU, with NVIDIA's container toolkit on the host:
#
#   docker build -t tfstargan-gpu --build-arg DEVICE=gpu .
#   docker run --rm --gpus all -v "$PWD:/work" tfstargan-gpu train --flagfile=...
#
# Files that it writes to /work belong to user 1000; add --user "$(id -u):$(id -g)" if
# you are another.
ARG PYTHON=3.11
FROM python:${PYTHON}-slim-bookworm
ARG DEVICE=cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY . /src
# For the CPU every package is the lock's, checked by its hash. The lock has no CUDA: for
# a GPU the same versions are required, and CUDA's are those that TensorFlow asks for.
RUN pip install "setuptools>=77" \
    && if [ "$DEVICE" = cpu ]; then \
         pip install --require-hashes -r /src/requirements-run.lock \
         && pip install --no-deps --no-build-isolation /src; \
       else \
         sed -n 's/^\([a-z0-9_.-]*==[^ ;]*\).*/\1/p' /src/requirements-run.lock \
           | grep -v '^tensorflow-cpu' > /tmp/versions.txt \
         && pip install --no-build-isolation -c /tmp/versions.txt "/src[gpu]"; \
       fi \
    && rm -r /src
RUN useradd --create-home --uid 1000 someone
USER someone
ENV HOME=/home/someone XDG_CACHE_HOME=/home/someone/.cache
WORKDIR /work
ENTRYPOINT ["tfstargan"]
CMD ["--help"]
