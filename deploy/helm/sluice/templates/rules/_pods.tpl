{{/* Series of kube-state-metrics: without it these rules are silent. */}}
{{- define "sluice.rules.pods" -}}
{{- $r := .Values.metrics.prometheusRule }}
{{- $pods := include "sluice.pods" . }}
- alert: SluiceRestarts
  leftOut: {{ kindIs "invalid" $r.maxRestartsPerHour }}
  expr: sum by (namespace, pod) (increase(kube_pod_container_status_restarts_total{ {{- $pods -}} }[1h])) > {{ int $r.maxRestartsPerHour }}
  labels: {severity: warning}
  annotations:
    summary: A pod restarts again and again
    description: Pod [[ $labels.pod ]] has restarted [[ $value | humanize ]] times in an hour.
- alert: SluiceOutOfMemory
  expr: |-
    max by (namespace, pod) (kube_pod_container_status_last_terminated_reason{ {{- $pods -}} ,reason="OOMKilled"}) == 1
    and on (namespace, pod) sum by (namespace, pod) (increase(kube_pod_container_status_restarts_total{ {{- $pods -}} }[1h])) > 0
  labels: {severity: critical}
  annotations:
    summary: A pod was killed for its memory
    description: "Pod [[ $labels.pod ]] went over its memory limit: raise the limit, or hold less (batch.maxBytes, maxHeldMessages, SLUICE_BUFFER_MAX_BYTES; compactor.maxMemory)."
{{- end -}}
