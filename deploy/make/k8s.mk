# Kubernetes: a kind cluster with KEDA and the chart. Included by the Makefile.
CLUSTER ?= sluice
NAMESPACE ?= sluice
# Empty: kind's own node image.
KIND_NODE_IMAGE ?=
KEDA_VERSION ?= 2.20.2
KEDA_MANIFEST ?= https://github.com/kedacore/keda/releases/download/v$(KEDA_VERSION)/keda-$(KEDA_VERSION).yaml
HELM_ARGS ?=
# Where images and chart are pushed, and for which machines: make images REGISTRY=ghcr.io/acme
REGISTRY ?=
PLATFORMS ?= linux/amd64,linux/arm64
TAG ?=
# Empty: all images; or one, such as sluice-producer.
ONLY ?=
E2E_ARGS ?=
# How many go at a time; empty: one, whose figures `-s` shows.
E2E_WORKERS ?= -n 2 --dist worksteal
export REGISTRY PLATFORMS TAG ONLY E2E_WORKERS
export CLUSTER NAMESPACE KIND_NODE_IMAGE KEDA_MANIFEST HELM_ARGS

.PHONY: up down status images chart-push e2e scale-times chart-lint chart-readme chart-schema dashboards

up: ## A kind cluster with KEDA and the whole pipeline in it
	@deploy/scripts/up.sh

down: ## Remove that cluster
	@kind delete cluster --name "$(CLUSTER)"

status: ## Its pods, scaling, queues and newest objects
	@deploy/scripts/status.sh

e2e: $(SYNCED) ## The end-to-end tests on that cluster (E2E_ARGS="-k scaling" runs some)
	@deploy/scripts/e2e.sh $(E2E_ARGS)

scale-times: $(SYNCED) ## From none to the first batcher to all, step by step, on the cluster of `make up` (ARGS="--rounds 5")
	@$(BIN)/python benchmarks/scale_times.py $(ARGS)

images: ## Build the images for PLATFORMS and push them (or ONLY one) to REGISTRY, with TAG
	@deploy/scripts/images.sh

chart-push: ## Package the chart and push it to oci://REGISTRY/charts
	@deploy/scripts/chart-push.sh

chart-lint: ## helm lint, and the chart against the schemas of Kubernetes 1.31 to 1.36
	@deploy/scripts/chart-lint.sh

chart-readme: $(SYNCED) ## Make the chart's README again from its values
	@$(BIN)/python deploy/scripts/chart_readme.py

chart-schema: $(SYNCED) ## Make the schema of its values again, from the settings classes
	@$(BIN)/python deploy/scripts/chart_schema.py

dashboards: $(SYNCED) ## Make the chart's dashboards again
	@$(BIN)/python deploy/dashboards/make.py
