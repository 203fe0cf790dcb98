{{- define "sluice.rules.producer" -}}
{{- $r := .Values.metrics.prometheusRule }}
{{- $producer := include "sluice.select.producer" . }}
{{- range .Values.producers }}
- alert: SluiceProducerAbsent
  expr: absent(sluice_build_info{namespace={{ $.Release.Namespace | quote }},component="producer",pod=~"{{ include "sluice.pods.source" (dict "root" $ "source" .name) }}"})
  for: 5m
  labels: {severity: critical, source: {{ .name }}}
  annotations:
    summary: Nothing reads the source {{ .name }}
    description: No producer of this source has been scraped for 5 minutes. Events wait at the source, and only for as long as it keeps them.
{{- end }}
- alert: SluiceProducerRestarts
  leftOut: {{ kindIs "invalid" $r.maxRestartsPerHour }}
  # By pod: one that takes another's place has not restarted. Who lives for seconds is scraped now and then only.
  expr: max by (namespace, pod) (changes(process_start_time_seconds{ {{- $producer -}} }[1h])) > {{ int $r.maxRestartsPerHour }}
  labels: {severity: critical}
  annotations:
    summary: A producer ends and starts again and again
    description: "Pod [[ $labels.pod ]] has started [[ $value | humanize ]] times or more in an hour. What AWS or the source refuses for good ends it (AccessDenied): the last log line of the run before tells why. Events wait at the source, and only for as long as it keeps them."
- alert: SluiceTargetDown
  # The average: what starts again and again answers a scrape now and then. It is over once a new pod answers.
  expr: min by (namespace, pod, job) (avg_over_time(up{ {{- include "sluice.select.up" . -}} }[3m]) and up{ {{- include "sluice.select.up" . -}} }) < 0.4
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: A pod's metrics cannot be scraped
    description: "For minutes Prometheus has reached pod [[ $labels.pod ]] not at all, or now and then only: what happens in it raises no alert, or late."
- alert: SluiceSourceDisconnected
  expr: max by (namespace, pod) (sluice_producer_connected{ {{- $producer -}} }) == 0
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: The producer has no connection to its source
    description: Pod [[ $labels.pod ]] has been disconnected for 5 minutes. sluice_producer_reconnects_total tells the cause; events wait at the source.
- alert: SluiceSourceSilent
  leftOut: {{ not $r.maxSilenceSeconds }}
  {{- $silence := int $r.maxSilenceSeconds | max 1 }}
  # What sends nothing is left and connected to again: the connection need not last. Who waits for SQS does not read.
  expr: |-
    sum by (namespace, pod) (increase(sluice_producer_events_received_total{ {{- $producer -}} }[{{ $silence }}s])) == 0
    and on (namespace, pod) max by (namespace, pod) (max_over_time(sluice_producer_connected{ {{- $producer -}} }[{{ $silence }}s])) == 1
    and on (namespace, pod) {{ include "sluice.older" (dict "of" $producer "seconds" $silence) }}
    unless on (namespace, pod) max by (namespace, pod) (max_over_time(sluice_producer_paused{ {{- $producer -}} }[{{ $silence }}s])) == 1
  for: 1m
  labels: {severity: warning}
  annotations:
    summary: The source takes connections and sends nothing
    description: Pod [[ $labels.pod ]] has read for {{ $silence }} s, connected all the time or again and again, without one event.
- alert: SluiceReadNotSent
  # Two packs' greatest age, and more than a young pod's first one.
  expr: |-
    max by (namespace, pod) (min_over_time(sluice_producer_buffered_events{ {{- $producer -}} }[10m])) > 0
    and on (namespace, pod) sum by (namespace, pod) (increase(sluice_producer_events_sent_total{ {{- $producer -}} }[10m])) == 0
    and on (namespace, pod) {{ include "sluice.older" (dict "of" $producer "seconds" 600) }}
  for: 1m
  labels: {severity: critical}
  annotations:
    summary: Events are read and none is sent
    description: Pod [[ $labels.pod ]] holds [[ $value | humanize ]] events or more, and SQS has accepted none for 10 minutes. sluice_producer_send_failures_total and /readyz tell why.
- alert: SluiceStreamLag
  leftOut: {{ not $r.maxLagSeconds }}
  # The lag is that of the last event: in a stream that has gone quiet it stays what it was.
  expr: |-
    max by (namespace, pod) (sluice_producer_stream_lag_seconds{ {{- $producer -}} }) > {{ int $r.maxLagSeconds }}
    and on (namespace, pod) sum by (namespace, pod) (increase(sluice_producer_events_received_total{ {{- $producer -}} }[5m])) > 0
  for: 10m
  labels: {severity: warning}
  annotations:
    summary: The producer is behind its source
    description: Pod [[ $labels.pod ]] reads events that are [[ $value | humanizeDuration ]] old.
- alert: SluiceProducerPaused
  expr: max by (namespace, pod) (sluice_producer_paused{ {{- $producer -}} }) == 1
  for: 5m
  labels: {severity: critical}
  annotations:
    summary: The producer waits for SQS or for its checkpoint
    description: Pod [[ $labels.pod ]] has stopped reading for 5 minutes. It keeps what it holds; its /readyz tells why.
- alert: SluiceCheckpointOld
  leftOut: {{ not $r.maxCheckpointAgeSeconds }}
  expr: max by (namespace, pod) (sluice_producer_checkpoint_age_seconds{ {{- $producer -}} }) > {{ int $r.maxCheckpointAgeSeconds }}
  for: 1m
  labels: {severity: warning}
  annotations:
    summary: The producer's progress is in no checkpoint
    description: "Progress of pod [[ $labels.pod ]] has been without a checkpoint for [[ $value | humanizeDuration ]]: a restart now sends that much twice."
- alert: SluiceCheckpointWritesFailing
  expr: sum by (namespace, pod) (increase(sluice_producer_checkpoint_writes_total{ {{- $producer -}} ,result="failed"}[5m])) > 0
  for: 10m
  labels: {severity: warning}
  annotations:
    summary: Writes of the checkpoint fail
    description: Pod [[ $labels.pod ]] has failed to write its checkpoint for 10 minutes, now and then or always. Its log names S3's answer.
- alert: SluiceResumeGap
  # No `increase`: a gap at the start is counted before the first scrape. The maximum over time outlives the pod.
  expr: max by (namespace, pod) (max_over_time(sluice_producer_last_gap_timestamp_seconds{ {{- $producer -}} }[1h])) > time() - 3600
  labels: {severity: critical}
  annotations:
    summary: The source no longer had what the checkpoint asked for
    description: "Pod [[ $labels.pod ]] resumed later than it had stopped: events are missing. Its log (GAP) names the time span, where the source's ids tell times (Wikimedia's do); of other sources the span is not known."
{{- end -}}
