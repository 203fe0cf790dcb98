{{- define "sluice.rules.batcher" -}}
{{- $r := .Values.metrics.prometheusRule }}
{{- $producer := include "sluice.select.producer" . }}
{{- $batcher := include "sluice.select.batcher" . }}
{{- $age := include "sluice.seconds" .Values.batcher.batch.maxAge | int }}
{{- $beat := include "sluice.heartbeatSeconds" . | int }}
{{- $none := ternary (eq (int .Values.autoscaling.minReplicas) 0) (eq (int .Values.batcher.replicas) 0) .Values.autoscaling.enabled }}
- alert: SluiceBatcherAbsent
  expr: |-
    absent(sluice_build_info{ {{- $batcher -}} ,component="batcher"})
    {{- if $none }}
    and on (namespace) {{ include "sluice.seenByKeda" . }} > {{ int .Values.autoscaling.activationQueueLength }}
    {{- end }}
  for: 5m
  labels: {severity: critical}
  annotations:
    summary: Nothing drains the queue
    description: No batcher has been scraped for 5 minutes. The queue keeps the events until its retention ends.
- alert: SluiceNotWriting
  expr: max by (namespace, pod) (sluice_batcher_oldest_unwritten_message_age_seconds{ {{- $batcher -}} }) > {{ add 120 (mul 2 $age) }}
  for: 2m
  labels: {severity: critical}
  annotations:
    summary: A batcher holds messages and does not write them
    description: "The oldest message that pod [[ $labels.pod ]] has not written has been held for [[ $value | humanizeDuration ]]; batches close after {{ $age }} s. Look at sluice_batcher_put_failures_total and at its log. Nothing is lost: SQS has the messages."
- alert: SluiceHeartbeatLate
  leftOut: {{ not (and $beat $r.maxHeartbeatAgeSeconds) }}
  {{- $limit := max (int $r.maxHeartbeatAgeSeconds) (mul 2 (add $beat $age)) }}
  {{- $range := printf "[%ds]" (max 3600 (add 600 $limit)) }}
  # The maximum over time outlives the pod that saw the last one. A pod that has seen none says 0: then it counts from the start.
  expr: |-
    time() - (
      max by (namespace) (max_over_time(sluice_batcher_last_heartbeat_timestamp_seconds{ {{- $batcher -}} }{{ $range }})) > 0
      or min by (namespace) (min_over_time(process_start_time_seconds{ {{- $batcher -}} }{{ $range }}))
    ) > {{ $limit }}
  for: {{ max 300 (mul 2 (add $beat $age)) }}s
  labels: {severity: critical}
  annotations:
    summary: Heartbeats do not come through
    description: "No heartbeat that was made in the last [[ $value | humanizeDuration ]] is through: what is read now does not reach S3, or does so late."
- alert: SluiceDeleteFailures
  # Retried every ten seconds at the least, and the call itself may take long to fail.
  expr: sum by (namespace) (increase(sluice_batcher_delete_failures_total{ {{- $batcher -}} }[3m])) > 0
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: Messages cannot be deleted after their rows were stored
    description: They come back and may be stored twice. Does the batcher have sqs:DeleteMessage?
- alert: SluiceLeasesNotExtended
  expr: sum by (namespace) (increase(sluice_batcher_visibility_extension_failures_total{ {{- $batcher -}} }[3m])) > 0
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: The visibility of held messages cannot be extended
    description: SQS gives messages to another batcher while one holds them, so rows may be stored twice. Does the batcher have sqs:ChangeMessageVisibility?
- alert: SluiceLostLeases
  expr: sum by (namespace) (increase(sluice_batcher_messages_returned_total{ {{- $batcher -}} ,why="lease-lost"}[15m])) > 0
  labels: {severity: warning}
  annotations:
    summary: Batchers lost leases of messages that they held
    description: "[[ $value | humanize ]] messages in 15 minutes were given to somebody else while a batcher held them: rows may be stored twice. sluice_batcher_visibility_extension_failures_total tells whether extending fails."
- alert: SluiceMessagesUnreadable
  expr: sum by (namespace, why) (increase(sluice_batcher_messages_returned_total{ {{- $batcher -}} ,why=~"unknown-codec|unflushable"}[15m])) > 0
  labels: {severity: critical}
  annotations:
    summary: Messages go back to the queue because this batcher cannot handle them
    description: "[[ $value | humanize ]] messages in 15 minutes ([[ $labels.why ]]) wait in the queue until its retention ends, or until a batcher comes that can read them."
- alert: SluiceTransformFailures
  expr: sum by (namespace) (increase(sluice_batcher_transform_failures_total{ {{- $batcher -}} }[15m])) > 0
  labels: {severity: warning}
  annotations:
    summary: The transform hook fails
    description: "[[ $value | humanize ]] calls of SLUICE_TRANSFORM failed in 15 minutes. Events on which it fails alone become dead letters (transform-failed)."
- alert: SluiceValuesNulled
  leftOut: {{ kindIs "invalid" $r.maxNulledPerRow }}
  expr: |-
    sum by (namespace) (increase(sluice_batcher_values_nulled_total{ {{- $batcher -}} }[1h]))
    > {{ default 0 $r.maxNulledPerRow }} * sum by (namespace) (increase(sluice_batcher_rows_written_total{ {{- $batcher -}} }[1h]))
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: Values do not fit their columns and are stored as null
    description: "[[ $value | humanize ]] values in an hour were nulled, more than {{ $r.maxNulledPerRow }} a row: the source has changed, or a column's type is wrong."
- alert: SluiceRowsWithoutEventTime
  leftOut: {{ kindIs "invalid" $r.maxUntimedPerRow }}
  expr: |-
    sum by (namespace) (increase(sluice_batcher_rows_without_event_time_total{ {{- $batcher -}} }[1h]))
    > {{ default 0 $r.maxUntimedPerRow }} * sum by (namespace) (increase(sluice_batcher_rows_written_total{ {{- $batcher -}} }[1h]))
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: Rows have no event time of their own
    description: "[[ $value | humanize ]] rows in an hour were partitioned by the time they were sent. SLUICE_EVENT_TIME names the paths where a time is looked for."
- alert: SluiceTinyObjects
  leftOut: {{ not $r.minRowsPerObject }}
  # Ten objects an hour are no habit.
  expr: |-
    sum by (namespace) (increase(sluice_batcher_rows_written_total{ {{- $batcher -}} }[1h]))
    / (sum by (namespace) (increase(sluice_batcher_objects_written_total{ {{- $batcher -}} }[1h])) > 10) < {{ default 0 $r.minRowsPerObject }}
  for: 1h
  labels: {severity: warning}
  annotations:
    summary: Objects hold few rows
    description: "An object holds [[ $value | humanize ]] rows on average: requests cost more than the data, and engines read slowly."
{{- end -}}
