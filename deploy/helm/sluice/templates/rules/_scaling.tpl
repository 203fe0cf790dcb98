{{- define "sluice.rules.scaling" -}}
{{- $a := .Values.autoscaling }}
{{- $producer := include "sluice.select.producer" . }}
{{- $batcher := include "sluice.select.batcher" . }}
{{- $depth := "keda_scaler_metrics_value" }}
{{- $paused := "keda_scaled_object_paused" }}
{{- $told := include "sluice.keda" (dict "root" . "metric" $paused) }}
{{- $isPaused := printf "max by (scaledObject) (%s) == 1" $told }}
{{- $first := ",triggerIndex=\"0\"" }}
{{- $seen := include "sluice.keda" (dict "root" . "metric" $depth "more" $first) }}
{{- $visible := printf "max by (namespace) (sluice_producer_queue_messages{%s,queue=\"main\",state=\"visible\"})" $producer }}
- alert: SluiceBacklogAtMaxReplicas
  leftOut: {{ not $a.enabled }}
  expr: |-
    max by (namespace) (deriv(sluice_producer_queue_messages{ {{- $producer -}} ,queue="main",state="visible"}[15m])) > 0
    and on (namespace) {{ $visible }} > {{ include "sluice.queueLength" . }}
    and on (namespace) count by (namespace) (count by (namespace, pod) (sluice_build_info{ {{- $batcher -}} ,component="batcher"})) >= {{ int $a.maxReplicas }}
  for: 10m
  labels: {severity: warning}
  annotations:
    summary: All batchers that there may be are there, and the backlog grows
    description: "The queue grows by [[ $value | humanize ]] messages a second with {{ int $a.maxReplicas }} batchers: raise autoscaling.maxReplicas, or give each more."
- alert: SluiceScalerErrors
  leftOut: {{ not $a.enabled }}
  expr: sum by (scaledObject) ({{ include "sluice.keda" (dict "root" . "metric" "keda_scaled_object_errors_total" "before" "increase(" "after" "[10m])") }}) > 0
  for: 15m
  labels: {severity: warning, namespace: {{ .Release.Namespace }}}
  annotations:
    summary: KEDA cannot always read the queue's depth
    description: "[[ $value | humanize ]] looks failed in 10 minutes. KEDA's operator logs the answer of SQS."
- alert: SluiceScalerFallback
  leftOut: {{ not $a.enabled }}
  # While its fallback holds KEDA counts no failure and has no series that says so. The depth that it then makes up stays the
  # same look after look, and is not what the producers read. Its first trigger is the queue. A paused one does not look.
  # A look under way while the queue's name changes leaves the old one's series behind, for as long as the operator runs.
  expr: |-
    (
      max by (scaledObject) ({{ $seen }}) > 0
      and max by (scaledObject) ({{ include "sluice.keda" (dict "root" . "metric" $depth "more" $first "before" "changes(" "after" "[5m])") }}) == 0
    ) unless on () (
      count_values("depth", sum by (pod) (sluice_producer_queue_messages{ {{- $producer -}} ,queue="main",state=~"visible|in-flight"}))
      and on (depth) count_values("depth", {{ $seen }})
    ) unless on () (
      {{ $isPaused }}
    )
  for: 5m
  labels: {severity: critical, namespace: {{ .Release.Namespace }}}
  annotations:
    summary: KEDA cannot read the queue's depth and does not scale
    description: "KEDA has taken the queue's depth for [[ $value ]] for ten minutes, and the producers read another: the batcher is held at {{ int $a.fallback.replicas }} pods, or at what it had, whatever the backlog."
- alert: SluiceScalerAbsent
  leftOut: {{ not $a.enabled }}
  # Where KEDA has never been scraped nothing is known of it, and nothing said.
  expr: |-
    max by (scaledObject) ({{ include "sluice.keda" (dict "root" . "metric" $paused "before" "present_over_time(" "after" "[1d])") }})
    unless on () ({{ $told }})
  for: 15m
  labels: {severity: warning, namespace: {{ .Release.Namespace }}}
  annotations:
    summary: KEDA does not run, or is not scraped any more
    description: Prometheus has seen KEDA within a day and not for 15 minutes. Without it the batcher keeps the pods that it has, and none is made where there is none; the other alerts of scaling are silent.
- alert: SluiceScalingPaused
  leftOut: {{ not $a.enabled }}
  expr: {{ $isPaused }}
  for: 1h
  labels: {severity: warning, namespace: {{ .Release.Namespace }}}
  annotations:
    summary: The batcher's scaling is paused
    description: KEDA has been told for an hour to keep the number of batchers as it is (autoscaling.pausedReplicas, or the annotation autoscaling.keda.sh/paused).
{{- end -}}
