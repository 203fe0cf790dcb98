{{- define "sluice.rules.queue" -}}
{{- $r := .Values.metrics.prometheusRule }}
{{- $producer := include "sluice.select.producer" . }}
{{- $batcher := include "sluice.select.batcher" . }}
{{- $a := .Values.autoscaling }}
{{- $age := include "sluice.seconds" .Values.batcher.batch.maxAge | int }}
{{- /* A batch that its age closes is written within the window; the first of a pod that has to start, within the patience. */}}
{{- $window := printf "%ds" (max 300 (mul 2 $age)) }}
{{- $patience := printf "%ds" (add 300 $age) }}
{{- /* Where KEDA may stop the last batcher it wakes none for so few. */}}
{{- $asleep := and $a.enabled (eq (int $a.minReplicas) 0) }}
- alert: SluiceQueueUnseen
  expr: |-
    sum by (namespace, queue) (increase(sluice_producer_queue_looks_total{ {{- $producer -}} ,result="failed"}[10m])) > 0
    unless on (namespace, queue) sum by (namespace, queue) (increase(sluice_producer_queue_looks_total{ {{- $producer -}} ,result="ok"}[10m])) > 0
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: How full a queue is cannot be seen
    description: "SQS has not told the depth of the queue ([[ $labels.queue ]]) for 10 minutes, so no alert can tell what waits in it. Does the producer have sqs:GetQueueAttributes on it?"
- alert: SluiceQueueOld
  leftOut: {{ not $r.maxQueueAgeSeconds }}
  expr: max by (namespace) (sluice_batcher_received_message_age_seconds{ {{- $batcher -}} }) > {{ int $r.maxQueueAgeSeconds }}
  for: 1m
  labels: {severity: warning}
  annotations:
    summary: Messages have waited long in the queue
    description: "What is received has been in the queue for [[ $value | humanizeDuration ]]: the batchers are behind."
- alert: SluiceNearRetention
  expr: |-
    max by (namespace) (sluice_batcher_received_message_age_seconds{ {{- $batcher -}} })
    > on (namespace) 0.5 * min by (namespace) (sluice_producer_queue_retention_seconds{ {{- $producer -}} ,queue="main"})
  for: 1m
  labels: {severity: critical}
  annotations:
    summary: Messages are about to be lost to the queue's retention
    description: "What is received has been in the queue for [[ $value | humanizeDuration ]], more than half of its retention, at whose end SQS deletes: scale the batcher up, or lengthen the retention (14 days at most)."
- alert: SluiceSentNotWritten
  # Deletes count too: a batch of dead letters alone writes no row.
  expr: |-
    sum by (namespace) (increase(sluice_producer_events_sent_total{ {{- $producer -}} }[{{ $window }}])) > 0
    unless on (namespace) sum by (namespace) (increase(sluice_batcher_rows_written_total{ {{- $batcher -}} }[{{ $window }}])) > 0
    unless on (namespace) sum by (namespace) (increase(sluice_batcher_messages_deleted_total{ {{- $batcher -}} }[{{ $window }}])) > 0
    {{- if $asleep }}
    unless on (namespace) {{ include "sluice.seenByKeda" . }} <= {{ int $a.activationQueueLength }}
    {{- end }}
  for: {{ $patience }}
  labels: {severity: critical}
  annotations:
    summary: Events are sent and no row is written
    description: "[[ $value | humanize ]] events were sent in {{ $window }}, and for {{ $patience }} nothing has been written. They wait in the queue, until its retention ends. Is there a batcher, and is its scaling paused?"
- alert: SluiceQueueStuck
  # Whatever is sent meanwhile. Of what nobody receives no age is known.
  expr: |-
    min by (namespace) (min_over_time(sluice_producer_queue_messages{ {{- $producer -}} ,queue="main",state="visible"}[{{ $window }}])) > {{ ternary (int $a.activationQueueLength) 0 $asleep }}
    unless on (namespace) sum by (namespace) (increase(sluice_batcher_messages_deleted_total{ {{- $batcher -}} }[{{ $window }}])) > 0
  for: {{ $patience }}
  labels: {severity: critical}
  annotations:
    summary: Messages wait in the queue and none leaves it
    description: "[[ $value | humanize ]] messages or more wait, and no batcher has deleted one for {{ $window }} and longer. They are lost at the end of the queue's retention. sluice_batcher_receive_failures_total and the batchers' /readyz tell why."
{{- end -}}

{{/* How deep KEDA sees the queue: what waits and what is in flight. */}}
{{- define "sluice.seenByKeda" -}}
sum by (namespace) (max by (namespace, state) (sluice_producer_queue_messages{ {{- include "sluice.select.producer" . -}} ,queue="main",state=~"visible|in-flight"}))
{{- end -}}
