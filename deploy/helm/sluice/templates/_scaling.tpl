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

{{- define "sluice.kedaAuth" -}}
{{- if .Values.autoscaling.auth -}}{{ .Values.autoscaling.auth }}
{{- else if include "sluice.awsSecret" . -}}secret
{{- else -}}pod-identity{{- end -}}
{{- end -}}
