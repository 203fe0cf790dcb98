{{- define "sluice.rules.freshness" -}}
{{- $r := .Values.metrics.prometheusRule }}
{{- $batcher := include "sluice.select.batcher" . }}
{{- $f := $r.freshness }}
{{- $le := printf "%.1f" (float64 $f.seconds) }}
{{- $budget := subf 1.0 (float64 $f.objective) }}
{{- range list "5m" "30m" "1h" "6h" }}
- record: sluice:rows_late:ratio_rate{{ . }}
  leftOut: {{ not (and $f.seconds $f.objective) }}
  # The share of rows that were older than the objective when they were stored.
  expr: |-
    1 - sum by (namespace) (rate(sluice_batcher_freshness_seconds_bucket{ {{- $batcher -}} ,le={{ $le | quote }}}[{{ . }}]))
    / sum by (namespace) (rate(sluice_batcher_freshness_seconds_count{ {{- $batcher -}} }[{{ . }}]))
  labels: {release: {{ $.Release.Name }}}
{{- end }}
- alert: SluiceFreshnessBurnsFast
  leftOut: {{ not (and $f.seconds $f.objective) }}
  expr: |-
    sluice:rows_late:ratio_rate1h{namespace={{ .Release.Namespace | quote }},release={{ .Release.Name | quote }}} > {{ mulf 14.4 $budget | printf "%.6g" }}
    and sluice:rows_late:ratio_rate5m{namespace={{ .Release.Namespace | quote }},release={{ .Release.Name | quote }}} > {{ mulf 14.4 $budget | printf "%.6g" }}
  for: 2m
  labels: {severity: critical}
  annotations:
    summary: Rows reach S3 late, and a month's budget would be gone in two days
    description: "In the last hour [[ $value | humanizePercentage ]] of the rows were more than {{ $f.seconds }} s old when they were stored; {{ $f.objective }} shall be in time."
- alert: SluiceFreshnessBurnsSlowly
  leftOut: {{ not (and $f.seconds $f.objective) }}
  expr: |-
    sluice:rows_late:ratio_rate6h{namespace={{ .Release.Namespace | quote }},release={{ .Release.Name | quote }}} > {{ mulf 6.0 $budget | printf "%.6g" }}
    and sluice:rows_late:ratio_rate30m{namespace={{ .Release.Namespace | quote }},release={{ .Release.Name | quote }}} > {{ mulf 6.0 $budget | printf "%.6g" }}
  for: 15m
  labels: {severity: warning}
  annotations:
    summary: Rows reach S3 late, and a month's budget would be gone in five days
    description: "In the last six hours [[ $value | humanizePercentage ]] of the rows were more than {{ $f.seconds }} s old when they were stored; {{ $f.objective }} shall be in time."
{{- end -}}
