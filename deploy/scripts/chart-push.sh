#!/usr/bin/env bash
# `make chart-push REGISTRY=…`: packages the chart and pushes it as an OCI artifact to oci://REGISTRY/charts.
source "$(dirname "$0")/common.sh"
[ -n "${REGISTRY:-}" ] || die "REGISTRY is empty: make chart-push REGISTRY=ghcr.io/acme (log in first: helm registry login ghcr.io)"
need helm "install Helm 3.14 or later (https://helm.sh/docs/intro/install/)"
# Of a registry on this machine docker takes plain HTTP by itself; helm has to be told.
case ${REGISTRY%%/*} in
  localhost | localhost:* | 127.* | "[::1]"*) plain=(--plain-http) ;;
  *) plain=() ;;
esac
packages=$(mktemp -d); trap 'rm -rf "$packages"' EXIT
helm package "$CHART" --destination "$packages" >/dev/null
helm push "$packages"/sluice-*.tgz "oci://${REGISTRY%/}/charts" "${plain[@]}" ${HELM_PUSH_ARGS:-}
