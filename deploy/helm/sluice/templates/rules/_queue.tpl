{{- define "sluice.rules.queue" -}}
{{- $r := .Values.metrics.prometheusRule }}
{{- $producer := include "sluice.select.producer" . }}
{{- $batcher := include "sluice.select.batcher" . }}
- alert: SluiceQueueUnseen
  expr: |-
    sum by (namespace) (increase(sluice_producer_queue_looks_total{ {{- $producer -}} ,result="failed"}[10m])) > 0
    unless on (namespace) sum by (namespace) (increase(sluice_producer_queue_looks_total{ {{- $producer -}} ,result="ok"}[10m])) > 0
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: How full the queues are is not known
    description: "SQS has told the depth of neither queue for 10 minutes, so no alert can tell of a backlog. Does the producer have sqs:GetQueueAttributes?"
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
    sum by (namespace) (increase(sluice_producer_events_sent_total{ {{- $producer -}} }[{{ include "sluice.rules.window" . }}])) > 0
    unless on (namespace) sum by (namespace) (increase(sluice_batcher_rows_written_total{ {{- $batcher -}} }[{{ include "sluice.rules.window" . }}])) > 0
    unless on (namespace) sum by (namespace) (increase(sluice_batcher_messages_deleted_total{ {{- $batcher -}} }[{{ include "sluice.rules.window" . }}])) > 0
  for: 2m
  labels: {severity: critical}
  annotations:
    summary: Events are sent and no row is written
    description: "[[ $value | humanize ]] events were sent in {{ include "sluice.rules.window" . }} and nothing was written. They wait in the queue, until its retention ends. Is there a batcher, and is its scaling paused?"
{{- end -}}

{{/* Long enough for several batches that are closed by their age. */}}
{{- define "sluice.rules.window" -}}
{{- max 600 (mul 3 (include "sluice.seconds" .Values.batcher.batch.maxAge | int)) }}s
{{- end -}}
