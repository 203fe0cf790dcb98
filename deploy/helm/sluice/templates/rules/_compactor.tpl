{{/*
With the CronJob nobody scrapes the compactor: its own rules are for the Deployment (`compactor.every`) and for a
Pushgateway; the CronJob's success is known to kube-state-metrics.
*/}}
{{- define "sluice.rules.compactor" -}}
{{- $c := .Values.compactor }}
{{- $of := include "sluice.select" (dict "root" . "component" "compactor") }}
{{- $unseen := not (and $c.enabled $c.every) }}
- alert: SluiceCompactorFailing
  leftOut: {{ $unseen }}
  expr: time() - max by (namespace) (sluice_compactor_last_pass_timestamp_seconds{ {{- $of -}} }) > 3600
  for: 30m
  labels: {severity: warning, service: compactor}
  annotations:
    summary: No pass of the compactor has succeeded for more than an hour
    description: "The last pass without a failure was [[ $value | humanizeDuration ]] ago. Raw objects stay where they are; nothing is lost. The log names the day and the reason."
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
  # What was set aside grows old by right, and has an alert of its own.
  expr: max by (namespace) (sluice_compactor_oldest_raw_age_seconds{ {{- $of -}} }) > 21600 unless max by (namespace) (sluice_compactor_set_aside_objects{ {{- $of -}} }) > 0
  for: 30m
  labels: {severity: warning, service: compactor}
  annotations:
    summary: Raw objects wait for hours to get into the table
    description: "The oldest raw object is [[ $value | humanizeDuration ]] old: passes are too rare, too slow, or lose every race."
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
