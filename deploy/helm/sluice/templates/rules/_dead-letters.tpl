{{- define "sluice.rules.dead-letters" -}}
{{- $r := .Values.metrics.prometheusRule }}
{{- $producer := include "sluice.select.producer" . }}
{{- range $service := list "producer" "batcher" }}
{{- $of := include (printf "sluice.select.%s" $service) $ }}
- alert: SluiceDeadLetters
  # By time and not by `increase`: the first one may be counted before the first scrape.
  expr: max by (namespace, pod) (max_over_time(sluice_{{ $service }}_last_dead_letter_timestamp_seconds{ {{- $of -}} }[15m])) > time() - 900
  labels: {severity: warning, service: {{ $service }}}
  annotations:
    summary: Events went to the dead-letter queue
    description: "Pod [[ $labels.pod ]] has put something into the dead-letter queue in the last 15 minutes. `sluice dlq ls` tells why; `sluice dlq redrive` sends it again."
- alert: SluiceDeadLettersNotAccepted
  expr: max by (namespace, pod) ({{ ternary "sluice_producer_dead_letters_waiting" "sluice_batcher_poison_backlog" (eq $service "producer") }}{ {{- $of -}} }) > 0
  for: 10m
  labels: {severity: critical, service: {{ $service }}}
  annotations:
    summary: The dead-letter queue does not accept
    description: "[[ $value | humanize ]] dead letters of pod [[ $labels.pod ]] have waited for 10 minutes. They are kept; when too many wait, work stops. /readyz tells the queue's answer."
{{- end }}
- alert: SluiceDeadLetterQueueNotEmpty
  expr: max by (namespace) (max_over_time(sluice_producer_queue_messages{ {{- $producer -}} ,queue="dead-letter",state="visible"}[15m])) > 0
  for: 1h
  labels: {severity: warning}
  annotations:
    summary: Dead letters wait for somebody
    description: "[[ $value | humanize ]] messages have been in the dead-letter queue for an hour: put there by Sluice, or by SQS's own redrive policy. `sluice dlq ls` tells why."
- alert: SluiceDeadLettersExpire
  leftOut: {{ not $r.maxDeadLetterAge }}
  expr: max by (namespace) (max_over_time(sluice_producer_queue_messages{ {{- $producer -}} ,queue="dead-letter",state="visible"}[15m])) > 0
  for: {{ default "0s" $r.maxDeadLetterAge }}
  labels: {severity: critical}
  annotations:
    summary: Dead letters are about to be lost to their queue's retention
    description: "The dead-letter queue has not been empty for {{ default "0s" $r.maxDeadLetterAge }}, and SQS deletes at the end of its retention (sluice_producer_queue_retention_seconds): redrive what is good, keep what is not."
{{- end -}}
