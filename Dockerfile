# docker build --tag speech-testbed .
# docker run --rm --volume "$PWD:/work" speech-testbed run demo
FROM debian:12
COPY . /opt/testbed
WORKDIR /opt/testbed
RUN apt-get -q update && .ci/install-missing && make .venv/opus.stamp .venv/speech.stamp .venv/lpcnet.stamp && rm -rf /var/lib/apt/lists/*
WORKDIR /work
ENTRYPOINT ["/opt/testbed/.venv/bin/testbed"]
CMD ["--help"]
