# All programs of redispatch in one image, and nothing else: no shell, no package manager.
#
#   docker build -t redispatch .
#   docker run redispatch email-worker | sms-worker | whatsapp-worker | queuectl …

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
# Dependencies are a layer of their own: it is made anew only where these files change.
COPY Cargo.toml Cargo.lock ./
COPY shared/Cargo.toml shared/
COPY workers/Cargo.toml workers/
COPY scripts/Cargo.toml scripts/release-build scripts/
COPY scripts/lib/common.sh scripts/lib/
COPY testkit/Cargo.toml testkit/
RUN scripts/release-build --dependencies
COPY . .
# The times in the release's archive: --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
ARG SOURCE_DATE_EPOCH=0
RUN scripts/release-build --out /dist \
    && mkdir -p /image/usr/local /image/etc/ssl/certs /image/outbox \
    && cp -R /dist/redispatch-*/bin /image/usr/local/ \
    && cp -L /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
    && chown 65532:65532 /image/outbox

FROM scratch
COPY --from=build /image /
# EMAIL_TRANSPORT=file writes to /outbox, a volume then. Nothing else is ever written: the root may be read-only.
# HTTP_ADDR is where the health check asks a worker; it asks `queuectl serve` at API_ADDR.
ENV PATH=/usr/local/bin HTTP_ADDR=0.0.0.0:9401 EMAIL_OUTBOX_DIR=/outbox
EXPOSE 9401 8000
# Nobody: a number, for Kubernetes' runAsNonRoot.
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s --retries=3 CMD ["queuectl", "--healthcheck"]
CMD ["email-worker"]
ARG REVISION=
LABEL org.opencontainers.image.title="redispatch" \
      org.opencontainers.image.description="Workers that take messages from plain Redis lists and get them sent, once, whatever breaks" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="$REVISION"
