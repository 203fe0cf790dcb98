#!/usr/bin/env bash
# `make images REGISTRY=… [PLATFORMS=linux/amd64,linux/arm64] [TAG=…] [ONLY=sluice-producer]`: builds the images and pushes them.
source "$(dirname "$0")/common.sh"
[ -n "${REGISTRY:-}" ] || die "REGISTRY is empty: make images REGISTRY=ghcr.io/acme (log in first: docker login ghcr.io)"
need docker "install Docker Engine with buildx (https://docs.docker.com/engine/install/)"
TAG=${TAG:-$(sed -n 's/^appVersion: *"\(.*\)"/\1/p' "$CHART/Chart.yaml")}
[[ -z "${ONLY:-}" || " ${IMAGES[*]%%:*} " == *" $ONLY "* ]] || die "ONLY=$ONLY is none of the images: ${IMAGES[*]%%:*}"
for pair in "${IMAGES[@]}"; do
  [ "${ONLY:-${pair%%:*}}" = "${pair%%:*}" ] || continue
  reference=${REGISTRY%/}/${pair%%:*}:$TAG
  say "building $reference for $PLATFORMS"
  ${DOCKER:-docker} buildx build --platform "$PLATFORMS" --target runtime --build-arg SERVICE="${pair#*:}" \
    --build-arg VERSION="$TAG" --build-arg REVISION="$(git -C "$ROOT" rev-parse HEAD 2>/dev/null || echo unknown)" \
    --tag "$reference" --push --file "$ROOT/deploy/Dockerfile" "$ROOT" ||
    die "building $reference failed. Several platforms need a builder that has them: docker buildx create --use (and QEMU: docker run --privileged --rm tonistiigi/binfmt --install all)"
  echo "$reference"
done
