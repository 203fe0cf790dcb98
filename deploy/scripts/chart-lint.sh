#!/usr/bin/env bash
# `make chart-lint`: helm lint, then every values file against the schemas of Kubernetes 1.31 to 1.36, KEDA and the Prometheus operator.
source "$(dirname "$0")/common.sh"
SCHEMAS=$ROOT/tests/chart/schemas
need helm "install Helm 3.14 or later (https://helm.sh/docs/intro/install/)"
need kubeconform "go install github.com/yannh/kubeconform/cmd/kubeconform@v0.7.0"
# What the values leave to the user.
production=(--set queue.url=https://sqs.eu-west-1.amazonaws.com/123456789012/sse_queue --set bucket.name=acme-lake --set image.registry=registry.example/acme
  --set-string 'batcher.serviceAccount.annotations.eks\.amazonaws\.com/role-arn=arn:aws:iam::123456789012:role/sluice-batcher')
mine=(--set producer.userAgent='Lint/1.0 (lint@sluice.example)' --set tests.mustFail=true)

check() {
  local name=$1 version report; shift
  # Lint has no cluster, so it logs what the chart asks of one; that matters only when lint fails.
  report=$(helm lint --strict --quiet "$CHART" "$@" 2>&1) || die "helm lint fails for $name:" "$report"
  helm template sluice "$CHART" "${mine[@]}" "$@" --api-versions keda.sh/v1alpha1 --api-versions monitoring.coreos.com/v1 --api-versions cilium.io/v2 > "$rendered" ||
    die "helm template fails for $name"
  for version in "$SCHEMAS"/v*; do
    version=$(basename "$version"); version=${version#v}
    kubeconform -strict -kubernetes-version "$version" \
      -schema-location "$SCHEMAS/{{ .NormalizedKubernetesVersion }}/{{ .ResourceKind }}{{ .KindSuffix }}.json" \
      -schema-location "$SCHEMAS/crd/{{ .ResourceKind }}{{ .KindSuffix }}.json" "$rendered" ||
      die "$name does not fit Kubernetes $version"
  done
  say "$name: lint, and schemas of Kubernetes $(cd "$SCHEMAS" && echo v*)"
}

rendered=$(mktemp); trap 'rm -f "$rendered"' EXIT
check values.yaml --set queue.url=https://sqs.us-east-1.amazonaws.com/123456789012/sse_queue
check values-kind.yaml -f "$CHART/values-kind.yaml"
check values-production.yaml -f "$CHART/values-production.yaml" "${production[@]}"
check 'values-production.yaml with Cilium' -f "$CHART/values-production.yaml" "${production[@]}" --set networkPolicy.flavor=cilium
check everything -f "$ROOT/tests/chart/values-everything.yaml"
check 'everything, the compactor as a Deployment' -f "$ROOT/tests/chart/values-everything.yaml" --set compactor.every=10m \
  --set metrics.podMonitor.enabled=false,metrics.serviceMonitor.enabled=true
