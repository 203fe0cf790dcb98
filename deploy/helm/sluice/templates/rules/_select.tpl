{{/*
The rules are in files by group. In them `[[ $labels.pod ]]` is Prometheus's own template, whose braces Helm would
take for its own; runbook, release and the values' labels are added in prometheusrule.yaml, and a rule that is `leftOut`
by a value that is 0 or null is left out there.

What selects the series of this release, without braces: by namespace and by the names of its pods, so that two
releases in a namespace do not answer for each other, whatever scrapes them and whatever `job` that gives. What comes from
a Pushgateway has the gateway's pod, and the namespace and job that were pushed.
Call: include "sluice.select" (dict "root" . "component" "producer")
*/}}
{{- define "sluice.select" -}}
namespace={{ .root.Release.Namespace | quote }},
{{- if and (eq .component "compactor") (include "sluice.compactorPushes" .root) -}}
job="{{ include "sluice.fullname" .root }}-compactor"
{{- else -}}
pod=~"{{ include "sluice.fullname" .root }}-{{ .component }}-{{ ternary ".+" "[a-z0-9]+-[a-z0-9]+" (eq .component "producer") }}"
{{- end -}}
{{- end -}}

{{- define "sluice.select.producer" -}}{{ include "sluice.select" (dict "root" . "component" "producer") }}{{- end -}}
{{- define "sluice.select.batcher" -}}{{ include "sluice.select" (dict "root" . "component" "batcher") }}{{- end -}}

{{/*
What selects the `up` of our own targets. A sidecar's target has the same pod: where a monitor of ours gives the job, that
tells them apart. A ServiceMonitor's job is the Service, a PodMonitor's is `<its own namespace>/<its name>`.
*/}}
{{- define "sluice.select.up" -}}
{{- $name := include "sluice.fullname" . -}}
{{- include "sluice.pods" . -}}
{{- if .Values.metrics.serviceMonitor.enabled -}}
,job=~"{{ $name }}-(producer-.+|batcher|compactor)"
{{- else if .Values.metrics.podMonitor.enabled -}}
,job=~"{{ default .Release.Namespace .Values.metrics.podMonitor.namespace }}/{{ $name }}-(producer|batcher|compactor)"
{{- end -}}
{{- end -}}

{{/*
A series of KEDA's about our ScaledObject, whose namespace is `exported_namespace` where KEDA's monitor does not set
`honorLabels`. Call: (dict "root" . "metric" "keda_…"), and where there is any "more" ",triggerIndex=\"0\"" to select by,
"before" "increase(" and "after" "[5m])"
*/}}
{{- define "sluice.keda" -}}
{{- range $i, $label := list "namespace" "exported_namespace" -}}
{{- if $i }} or {{ end -}}
{{- printf "%s%s{%s=%q,scaledObject=\"%s-batcher\"%s}%s" (default "" $.before) $.metric $label $.root.Release.Namespace (include "sluice.fullname" $.root) (default "" $.more) (default "" $.after) -}}
{{- end -}}
{{- end -}}

{{/*
The pods of one source. A name made by Kubernetes is cut at 58 characters before five of chance are added: of a long one
not all of the ReplicaSet's part is there, and of the longest not all of its own. Call: (dict "root" . "source" "wikimedia")
*/}}
{{- define "sluice.pods.source" -}}
{{- $name := printf "%s-producer-%s" (include "sluice.fullname" .root) .source -}}
{{- if ge (len $name) 58 }}{{ trunc 58 $name }}[a-z0-9]{5}
{{- else if gt (len $name) 46 }}{{ $name }}(-[a-z0-9]+){1,2}
{{- else }}{{ $name }}-[a-z0-9]+-[a-z0-9]+{{ end -}}
{{- end -}}

{{/*
The pods whose process is older than so many seconds: a range of a younger one holds less than it seems to.
Call: (dict "of" $producer "seconds" 600)
*/}}
{{- define "sluice.older" -}}
max by (namespace, pod) (process_start_time_seconds{ {{- .of -}} }) < time() - {{ .seconds }}
{{- end -}}

{{/* Pods of this release, the CronJob's among them. */}}
{{- define "sluice.pods" -}}
namespace={{ .Release.Namespace | quote }},pod=~"{{ include "sluice.fullname" . }}-(producer-.+|(batcher|compactor)-[a-z0-9]+-[a-z0-9]+)"
{{- end -}}
