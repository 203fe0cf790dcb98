#!/usr/bin/env bash
# Makes a kind cluster with KEDA and Sluice's images in it; prints the images' tag. Safe to run again.
source "$(dirname "$0")/common.sh"
KEDA_MANIFEST=${KEDA_MANIFEST:?the address or path of the manifest of a KEDA release}
LOCALSTACK_IMAGE=$(awk '/^localstack:/{inside=1} inside && /^  image:/{print $2; exit}' "$CHART/values.yaml")

create() {
  have_cluster && return
  say "creating the kind cluster $CLUSTER"
  kind create cluster --name "$CLUSTER" --config "$ROOT/deploy/kind/cluster.yaml" --wait 120s \
    ${KIND_NODE_IMAGE:+--image "$KIND_NODE_IMAGE"} >&2 ||
    die "kind could not create the cluster. Is its node image there (KIND_NODE_IMAGE=${KIND_NODE_IMAGE:-the default of kind})? make down removes a half-made one."
}

# load IMAGE…: into the node, those that it does not have yet.
load() {
  local image id missing=()
  for image in "$@"; do
    id=$(docker image inspect -f '{{.Id}}' "$image")
    docker exec "$CLUSTER-control-plane" crictl inspecti -q "$image" 2>/dev/null | grep -q "$id" || missing+=("$image")
  done
  [ ${#missing[@]} -eq 0 ] || kind load docker-image --name "$CLUSTER" "${missing[@]}" >&2
}

# load_local IMAGE…: those that this machine has; the node pulls the others itself.
load_local() {
  local image
  for image in "$@"; do if docker image inspect "$image" >/dev/null 2>&1; then load "$image"; fi; done
}

install_keda() {
  k get crd scaledobjects.keda.sh >/dev/null 2>&1 && k -n keda rollout status deployment --timeout 5s >/dev/null 2>&1 && return
  say "installing KEDA from $KEDA_MANIFEST"
  local file; file=$(mktemp)
  case $KEDA_MANIFEST in
    http*) curl -fsSL "$KEDA_MANIFEST" -o "$file" || die "$KEDA_MANIFEST cannot be fetched; set KEDA_MANIFEST to a file (kubectl kustomize of a KEDA release)" ;;
    *) cp "$KEDA_MANIFEST" "$file" || die "KEDA_MANIFEST=$KEDA_MANIFEST: no such file" ;;
  esac
  mapfile -t images < <(sed -n 's/^ *image: *"\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "$file" | sort -u)
  load_local "${images[@]}"
  k apply --server-side --force-conflicts -f "$file" >/dev/null
  rm -f "$file"
  k -n keda rollout status deployment --timeout 180s >&2 || die "KEDA did not become ready: kubectl --context $CONTEXT -n keda get pods"
}

# One tag for all images, from what is in them: a rebuild without a change changes no pod.
build() {
  local ids=()
  for pair in "${IMAGES[@]}"; do
    say "building ${pair%%:*}"
    ids+=("$(docker build -q --target runtime --build-arg SERVICE="${pair#*:}" -t "${pair%%:*}:build" -f "$ROOT/deploy/Dockerfile" "$ROOT")") ||
      die "building ${pair%%:*} failed: docker build -f deploy/Dockerfile --build-arg SERVICE=${pair#*:} . shows why"
  done
  TAG=$(printf '%s' "${ids[*]}" | sha256sum | cut -c1-12)
  for pair in "${IMAGES[@]}"; do docker tag "${pair%%:*}:build" "${pair%%:*}:$TAG"; done
}

need_cluster_tools
create
build
load "${IMAGES[@]/%:*/:$TAG}"
load_local "$LOCALSTACK_IMAGE" ${EXTRA_IMAGES:-}
install_keda
echo "$TAG"
