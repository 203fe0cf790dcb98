#!/usr/bin/env bash
# `make up`: the cluster, then the chart with everything inside it. Safe to run again: a change is rolled out.
source "$(dirname "$0")/common.sh"
started=$SECONDS
TAG=$("$(dirname "$0")/cluster.sh")
k create namespace "$NAMESPACE" --dry-run=client -o yaml | k apply -f - >/dev/null
k label namespace "$NAMESPACE" --overwrite pod-security.kubernetes.io/enforce=restricted >/dev/null
say "installing the chart"
helm upgrade --install sluice "$CHART" --kube-context "$CONTEXT" -n "$NAMESPACE" \
  -f "$CHART/values-kind.yaml" --set image.tag="$TAG" ${HELM_ARGS:-} --wait --timeout 180s >/dev/null ||
  die "the release did not become ready: 'make status' shows the pods"
say "waiting for the first rows in S3"
place=$(place)
for _ in $(seq 60); do
  object=$(k -n "$NAMESPACE" exec deployment/sluice-localstack -- awslocal s3 ls --recursive "$place" 2>/dev/null | tail -1 || true)
  [ -n "$object" ] && break
  sleep 2
done
[ -n "${object:-}" ] || die "no object after two minutes: 'make status', then kubectl --context $CONTEXT -n $NAMESPACE logs deployment/sluice-batcher"
say "ready in $((SECONDS - started)) s; the newest object: $object"
helm get notes sluice --kube-context "$CONTEXT" -n "$NAMESPACE" >&2
