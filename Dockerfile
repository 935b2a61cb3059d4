# The server in a small image, with TLS to PostgreSQL. `docker compose up` starts it with a database.

FROM rust:1.95-slim-bookworm AS build
# For the feature pg-tls: libpq is compiled in and uses the system's OpenSSL.
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev libssl-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# The dependencies by themselves: a change of our code does not build them again.
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
RUN mkdir -p src tests/browser && touch src/lib.rs tests/browser/main.rs && echo 'fn main() {}' > src/main.rs \
    && cargo build --release --locked --features pg-tls \
    && rm -r src
COPY . .
# The files are older than what was built of the empty ones: cargo goes by their times.
RUN find src -name '*.rs' -exec touch {} + \
    && cargo build --release --locked --features pg-tls

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libssl3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin hookswitch \
    && install -d -o hookswitch -g hookswitch -m 0700 /data
COPY --from=build /build/target/release/hookswitch /usr/local/bin/hookswitch
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/hookswitch/
USER hookswitch
WORKDIR /data
VOLUME /data
ENV HOOKSWITCH_LISTEN=0.0.0.0:8080 HOOKSWITCH_DATA_DIR=/data
EXPOSE 8080
# No curl in here: the program asks itself.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["hookswitch", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["hookswitch"]
