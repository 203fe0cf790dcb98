{{/*
With the CronJob nobody scrapes the compactor: its own rules are for the Deployment (`compactor.every`) and where the
CronJob pushes its metrics (`compactor.pushgateway`); its success is known to kube-state-metrics, too.
*/}}
{{- define "sluice.rules.compactor" -}}
{{- $c := .Values.compactor }}
{{- $of := include "sluice.select" (dict "root" . "component" "compactor") }}
{{- $unseen := not (include "sluice.compactorSeen" .) }}
{{- /* The CronJob's passes are as far apart as its schedule has them. */}}
{{- $r := .Values.metrics.prometheusRule }}
{{- $late := ternary 3600 (max 3600 (default 3600 $r.maxCompactionAgeSeconds | int)) (not (empty $c.every)) | int }}
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
  expr: time() - max by (namespace) (sluice_compactor_last_pass_timestamp_seconds{ {{- $of -}} }) > {{ $late }}
  for: 30m
  labels: {severity: warning, service: compactor}
  annotations:
    summary: No pass of the compactor has succeeded for too long
    description: "The last pass without a failure was [[ $value | humanizeDuration ]] ago. Raw objects stay where they are; nothing is lost. The log names the day and the reason, or why the Pushgateway has not taken the metrics."
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
