#!/usr/bin/env bash
# The end-to-end tests on the cluster of cluster.sh, made when it is not there. They mostly wait, so two go at a time, each in
# a namespace of its own; then those that want calm neighbours, two at a time as well, and beside them those that need no
# cluster; then, one by one, those that need the cluster to themselves. Arguments are pytest's.
source "$(dirname "$0")/common.sh"
export SLUICE_E2E_CONTEXT=$CONTEXT SLUICE_E2E_TAG
SLUICE_E2E_TAG=$(EXTRA_IMAGES=prom/prometheus:v2.42.0 "$(dirname "$0")/cluster.sh")
cd "$ROOT"
# What a run that was interrupted has left.
kubectl --context "$CONTEXT" delete namespace -l sluice-test=e2e --wait=false >&2
ran=0
# tests MARKS ARGUMENTS…: pytest's 5 is that no test was chosen, which holds for some of them when `-k` chooses.
tests() {
  local code=0
  .venv/bin/pytest tests/e2e -rP --durations 0 --durations-min 5 -m "$@" || code=$?
  case $code in
    0) ran=1 ;;
    5) ;;
    *) exit "$code" ;;
  esac
}
tests "e2e and not calm and not alone and not off_cluster" $E2E_WORKERS "$@"
tests "e2e and (calm or off_cluster)" ${E2E_WORKERS:+-n 3 --dist worksteal} "$@"
tests "e2e and alone" "$@"
[ "$ran" = 1 ] || die "no test was chosen"
