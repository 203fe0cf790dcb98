{{/*
With the CronJob nobody scrapes the compactor: its own rules are for the Deployment (`compactor.every`) and where the
CronJob pushes its metrics (`compactor.pushgateway`); its success is known to kube-state-metrics, too.
*/}}
{{- define "sluice.rules.compactor" -}}
{{- $c := .Values.compactor }}
{{- $of := include "sluice.select" (dict "root" . "component" "compactor") }}
{{- $unseen := not (include "sluice.compactorSeen" .) }}
{{- $r := .Values.metrics.prometheusRule }}
{{- /* The Deployment's passes are `every` apart, the CronJob's as its schedule has them. */}}
{{- $late := default 0 $r.maxCompactionAgeSeconds | int }}
{{- if $c.every }}{{ $late = mul 2 (include "sluice.seconds" $c.every | int) }}{{ end }}
{{- $late = max 3600 $late }}
{{- $range := printf "[%ds]" (add 3600 $late) }}
{{- $old := max 21600 (add $late (include "sluice.seconds" (default "15m" $c.settle) | int)) }}
- alert: SluiceCompactorAbsent
  leftOut: {{ not (and $c.enabled $c.every) }}
  expr: absent(sluice_build_info{ {{- $of -}} ,component="compactor"})
  for: 15m
  labels: {severity: warning, service: compactor}
  annotations:
    summary: Nothing brings raw objects into the table
    description: No compactor has been scraped for 15 minutes. Raw objects stay where they are; nothing is lost.
- alert: SluiceCompactorFailing
  leftOut: {{ $unseen }}
  # A process that has had no good pass says 0: then it counts from its start, or from that of the ones before it.
  expr: |-
    time() - (
      max by (namespace) (max_over_time(sluice_compactor_last_pass_timestamp_seconds{ {{- $of -}} }{{ $range }})) > 0
      {{- if $c.every }}
      or min by (namespace) (min_over_time(process_start_time_seconds{ {{- $of -}} }{{ $range }}))
      {{- end }}
    ) > {{ $late }}
  for: 30m
  labels: {severity: warning, service: compactor}
  annotations:
    summary: No pass of the compactor has succeeded for too long
    description: "For [[ $value | humanizeDuration ]] no pass has been without a failure. Raw objects stay where they are; nothing is lost. The log names the day and the reason, or why the Pushgateway has not taken the metrics."
- alert: SluiceCompactorSetAside
  leftOut: {{ $unseen }}
  expr: max by (namespace) (sluice_compactor_set_aside_objects{ {{- $of -}} }) > 0
  for: 1h
  labels: {severity: warning, service: compactor}
  annotations:
    summary: Objects do not fit the lake's table
    description: "[[ $value | humanize ]] raw objects stay where they are and are not in the table. `sluice compact --status` names them with the reason."
- alert: SluiceRawObjectsOld
  leftOut: {{ $unseen }}
  expr: max by (namespace) (sluice_compactor_oldest_raw_age_seconds{ {{- $of -}} }) > {{ $old }}
  for: 30m
  labels: {severity: warning, service: compactor}
  annotations:
    summary: Raw objects wait for hours to get into the table
    description: "The oldest raw object is [[ $value | humanizeDuration ]] old: passes are too rare, too slow, or lose every race. (What is set aside does not count.)"
- alert: SluiceCompactionLate
  leftOut: {{ or (not $c.enabled) $c.every (not .Values.metrics.prometheusRule.maxCompactionAgeSeconds) }}
  # A CronJob that has never succeeded has no last success: then it counts from its making.
  {{- $cron := printf "{namespace=%q,cronjob=\"%s-compactor\"}" .Release.Namespace (include "sluice.fullname" .) }}
  expr: time() - max by (namespace) (kube_cronjob_status_last_successful_time{{ $cron }} or kube_cronjob_created{{ $cron }}) > {{ .Values.metrics.prometheusRule.maxCompactionAgeSeconds | int }}
  labels: {severity: warning, service: compactor}
  annotations:
    summary: No run of the compactor has succeeded for hours
    description: "The CronJob's last success was [[ $value | humanizeDuration ]] ago. Raw objects stay where they are; nothing is lost. The logs of the failed runs name the day and the reason."
{{- end -}}
