# What the scripts beside this file share; sourced, never run.
# CLUSTER, KIND_NODE_IMAGE, KEDA_MANIFEST and NAMESPACE come from the environment (deploy/make/k8s.mk has the defaults).
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CLUSTER=${CLUSTER:-sluice}
NAMESPACE=${NAMESPACE:-sluice}
CHART=$ROOT/deploy/helm/sluice
CONTEXT=kind-$CLUSTER
# Each image, and the SERVICE of deploy/Dockerfile that it holds.
IMAGES=(sluice-producer:producer sluice-batcher:batcher sluice-compactor:compactor sluice:cli)
# An attestation makes an index of an image, and `kind load` of containerd's store takes an index for another platform's.
export BUILDX_NO_DEFAULT_ATTESTATIONS=1

say() { printf '%s\n' "$*" >&2; }
die() { say "$@"; exit 1; }
k() { kubectl --context "$CONTEXT" "$@"; }

# need COMMAND HOW: stops with a line that tells how to install what is missing.
need() { command -v "$1" >/dev/null 2>&1 || die "$1 is missing: $2"; }

need_cluster_tools() {
  need docker "install Docker Engine (https://docs.docker.com/engine/install/)"
  docker info >/dev/null 2>&1 || die "docker is installed but its daemon does not answer: start it (for instance: sudo systemctl start docker)"
  need kind "install kind (https://kind.sigs.k8s.io/docs/user/quick-start/#installation), or: go install sigs.k8s.io/kind@v0.33.0"
  need kubectl "install kubectl (https://kubernetes.io/docs/tasks/tools/)"
  need helm "install Helm 3.14 or later (https://helm.sh/docs/intro/install/)"
}

# place: s3://BUCKET/PREFIX/ of the release, whatever its values are.
place() {
  helm get values sluice --all --kube-context "$CONTEXT" -n "$NAMESPACE" -o json |
    python3 -c 'import json, sys; b = json.load(sys.stdin)["bucket"]; print("s3://" + "/".join(p for p in (b["name"], b.get("prefix")) if p) + "/")'
}

have_cluster() { kind get clusters 2>/dev/null | grep -qx "$CLUSTER"; }
