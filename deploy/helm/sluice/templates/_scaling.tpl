{{/*
KEDA's numbers, which follow from the batcher's settings.

A held message is in flight, and KEDA counts it. So one message more than a pod may hold must not look like
backlog for a second pod: queueLength > maxHeldMessages. And a pod goes only when its last batch was written
for its age, not for the shutdown: both waits are longer than batch.maxAge.
*/}}
{{- define "sluice.queueLength" -}}
{{- $held := int .Values.batcher.maxHeldMessages -}}
{{- if kindIs "invalid" .Values.autoscaling.queueLength -}}{{ div (mul $held 5) 4 | add1 }}
{{- else -}}{{ int .Values.autoscaling.queueLength }}{{- end -}}
{{- end -}}

{{- define "sluice.scaleDownSeconds" -}}
{{- $given := .Values.autoscaling.scaleDownStabilizationSeconds -}}
{{- /* 3600 is the HorizontalPodAutoscaler's own limit. */ -}}
{{- if kindIs "invalid" $given -}}{{ min 3600 (add 30 (include "sluice.seconds" .Values.batcher.batch.maxAge | int)) }}
{{- else -}}{{ int $given }}{{- end -}}
{{- end -}}

{{- define "sluice.cooldownSeconds" -}}
{{- $given := .Values.autoscaling.cooldownPeriod -}}
{{- if kindIs "invalid" $given -}}{{ add 30 (include "sluice.seconds" .Values.batcher.batch.maxAge | int) }}
{{- else -}}{{ int $given }}{{- end -}}
{{- end -}}

{{/* The role that KEDA assumes, where one is named: "" leaves it to the batcher's ServiceAccount. */}}
{{- define "sluice.batcherRole" -}}
{{- get (default dict .Values.batcher.serviceAccount.annotations) "eks.amazonaws.com/role-arn" -}}
{{- end -}}

{{- define "sluice.kedaAuth" -}}
{{- if .Values.autoscaling.auth -}}{{ .Values.autoscaling.auth }}
{{- else if include "sluice.awsSecret" . -}}secret
{{- else if or .Values.autoscaling.roleArn (include "sluice.batcherRole" .) -}}pod-identity
{{- else -}}operator{{- end -}}
{{- end -}}

{{/*
The number of pods to render where KEDA owns it: none, but for a Deployment whose manifest had one until now. To take the
field out of a manifest sets it to 1 (three-way merge; server-side apply too, while Helm alone owns it), so turning
autoscaling on would stop all pods but one. The live number is rendered instead, until the autoscaler has set it and
Helm applies on the server's side: then the field may go. `helm template` sees no cluster and renders none.
*/}}
{{- define "sluice.keptReplicas" -}}
{{- if and .Values.autoscaling.enabled .Release.IsUpgrade -}}
{{- $name := printf "%s-batcher" (include "sluice.fullname" .) -}}
{{- $live := lookup "apps/v1" "Deployment" .Release.Namespace $name -}}
{{- if $live -}}
{{- $rendered := hasKey (default dict $live.metadata.annotations) "sluice/replicas" -}}
{{- $scaled := lookup "keda.sh/v1alpha1" "ScaledObject" .Release.Namespace $name -}}
{{- $applied := false -}}
{{- $theirs := false -}}
{{- range $live.metadata.managedFields -}}
{{- if and (eq .manager "helm") (eq .operation "Apply") }}{{ $applied = true }}{{ end -}}
{{- if and (eq (default "" .subresource) "scale") (hasKey (default dict (get (default dict .fieldsV1) "f:spec")) "f:replicas") }}{{ $theirs = true }}{{ end -}}
{{- end -}}
{{- if and (or $rendered (not $scaled)) (not (and $scaled $applied $theirs)) -}}{{ int $live.spec.replicas }}{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What a marked event may take: its batch's age, and a pod's start where KEDA may have stopped the last one. */}}
{{- define "sluice.testSeconds" -}}
{{- if not (kindIs "invalid" .Values.tests.timeoutSeconds) -}}{{ int .Values.tests.timeoutSeconds }}
{{- else -}}
{{- $seconds := add 60 (include "sluice.seconds" (default "30s" .Values.batcher.batch.maxAge) | int) -}}
{{- if and .Values.autoscaling.enabled (eq (int .Values.autoscaling.minReplicas) 0) }}{{ $seconds = add $seconds 60 (int .Values.autoscaling.pollingInterval) }}{{ end -}}
{{- $seconds -}}
{{- end -}}
{{- end -}}
