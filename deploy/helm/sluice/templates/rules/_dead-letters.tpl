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
  # Not by `for`: what cannot be seen for a while is not empty for that.
  expr: {{ include "sluice.sinceEmpty" (dict "root" . "seconds" 3600 "step" 60) }} > 3600
  labels: {severity: warning, namespace: {{ .Release.Namespace }}}
  annotations:
    summary: Dead letters wait for somebody
    description: "The dead-letter queue has not been empty for [[ $value | humanizeDuration ]]: Sluice has put something there, or SQS's own redrive policy has. `sluice dlq ls` tells why."
- alert: SluiceDeadLettersExpire
  leftOut: {{ not $r.maxDeadLetterAge }}
  {{- $most := include "sluice.seconds" (default "0s" $r.maxDeadLetterAge) | int }}
  expr: |-
    {{ include "sluice.sinceEmpty" (dict "root" . "seconds" $most "step" 300) }}
    > (0.5 * max(sluice_producer_queue_retention_seconds{ {{- $producer -}} ,queue="dead-letter"}) < {{ $most }} or vector({{ $most }}))
  labels: {severity: critical, namespace: {{ .Release.Namespace }}}
  annotations:
    summary: Dead letters are about to be lost to their queue's retention
    description: "The dead-letter queue has not been empty for [[ $value | humanizeDuration ]], and SQS deletes at the end of its retention (sluice_producer_queue_retention_seconds): redrive what is good, keep what is not."
{{- end -}}

{{/*
Seconds since the dead-letter queue was last seen empty, or else was first seen: where nothing was seen in between, nothing
has changed. A look that falls into somebody's reading finds nothing visible; so does none in fifteen minutes.
Call: (dict "root" . "seconds" 3600 "step" 60): how far it shall look back, and how often.
*/}}
{{- define "sluice.sinceEmpty" -}}
{{- $seen := printf "max(max_over_time(sluice_producer_queue_messages{%s,queue=\"dead-letter\",state=\"visible\"}[15m]))" (include "sluice.select.producer" .root) -}}
{{- $range := printf "[%ds:%ds]" (add .seconds 3600) .step -}}
time() - (max_over_time(timestamp({{ $seen }} == 0){{ $range }}) or min_over_time(timestamp({{ $seen }} > 0){{ $range }}))
{{- end -}}
