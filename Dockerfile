# The lock file's environment with the command `darkfield` and the chain: docs/install.md.
FROM python:3.13-slim

# DVC and the chain's versions need git.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/*

# Apart from the code, which changes more often than these 7 GB.
COPY requirements.lock /tmp/
RUN pip install --no-cache-dir --no-deps --require-hashes --requirement /tmp/requirements.lock

# .git, which has the version, is not copied: --build-arg VERSION=1.2.3 for a release.
ARG VERSION=0.1.0
COPY . /darkfield
RUN SETUPTOOLS_SCM_PRETEND_VERSION=$VERSION \
    pip install --no-cache-dir --no-deps --no-index --no-build-isolation /darkfield

# So that containers of any user can write what Matplotlib and Snakemake cache.
ENV HOME=/tmp
WORKDIR /work
CMD ["darkfield", "--help"]
