{{/* What helm shows after an installation; a template of its own, so that tests can render it for any values. */}}
{{- define "sluice.notes" -}}
{{- $name := include "sluice.fullname" . -}}
{{- $ns := .Release.Namespace -}}
{{- $sources := default list .Values.producers -}}
{{- $component := ternary "producer" "batcher" (and .Values.autoscaling.enabled (eq (int .Values.autoscaling.minReplicas) 0) (gt (len $sources) 0)) -}}
Sluice {{ .Chart.AppVersion }}: {{ len $sources }} source{{ if ne (len $sources) 1 }}s{{ end }} → {{ default .Values.queue.name (include "sluice.queueUrl" .) }} → s3://{{ .Values.bucket.name }}/{{ .Values.bucket.prefix }}/

Wait until it runs:
  kubectl -n {{ $ns }} rollout status deployment -l app.kubernetes.io/instance={{ .Release.Name }} --timeout 180s

Send a marked event through it and find its row in S3:
  helm test {{ .Release.Name }} -n {{ $ns }} --logs --timeout {{ add 120 (include "sluice.testSeconds" . | int) }}s

See what it does:
  kubectl -n {{ $ns }} logs -f deployment/{{ $name }}-batcher
  kubectl -n {{ $ns }} port-forward deployment/{{ $name }}-batcher 8080 &   # then: curl -s localhost:8080/metrics | grep ^sluice_
{{- if .Values.autoscaling.enabled }}
  kubectl -n {{ $ns }} get scaledobject,hpa                                  # one pod for {{ include "sluice.queueLength" . }} messages, {{ .Values.autoscaling.minReplicas }} to {{ .Values.autoscaling.maxReplicas }} pods
{{- end }}

Look at queue, dead letters and rows with `sluice`, in a pod with this release's settings (docs/how-to/toolbox.md):
  kubectl -n {{ $ns }} debug "$(kubectl -n {{ $ns }} get pod -l app.kubernetes.io/instance={{ .Release.Name }},app.kubernetes.io/component={{ $component }} -o name | head -1)" --copy-to={{ $name }}-toolbox --container={{ $component }} --set-image={{ $component }}={{ include "sluice.image" (dict "root" . "image" "cli") }} --profile=restricted -- sleep infinity
  kubectl -n {{ $ns }} wait pod/{{ $name }}-toolbox --for=condition=Ready --timeout 60s
  kubectl -n {{ $ns }} exec -it {{ $name }}-toolbox -c {{ $component }} -- sluice check{{ if eq $component "producer" }} --service producer{{ end }}
  kubectl -n {{ $ns }} exec -it {{ $name }}-toolbox -c {{ $component }} -- sluice dlq ls
  kubectl -n {{ $ns }} delete pod {{ $name }}-toolbox
{{- if not .Values.localstack.enabled }}
On AWS the {{ $component }}'s role needs docs/aws/toolbox-policy.json as well{{ if eq $component "producer" }} (with autoscaling.minReplicas=0 there may be no batcher's pod to copy){{ end }}.
{{- end }}
{{- if .Values.localstack.enabled }}

SQS and S3 are LocalStack's, in memory: when its pod restarts, its objects, its queue and the checkpoints in it
are lost. Look into it with
  kubectl -n {{ $ns }} exec deployment/{{ $name }}-localstack -- awslocal s3 ls --recursive s3://{{ .Values.bucket.name }}/{{ .Values.bucket.prefix }}/
{{- else }}

Read what it wrote:
  aws s3 ls --recursive s3://{{ .Values.bucket.name }}/{{ .Values.bucket.prefix }}/ | tail
{{- end }}
{{- $existing := list .Values.aws.existingSecret (include "sluice.caSource" .) }}
{{- range .Values.producers }}{{ $existing = append $existing (include "sluice.producer" (dict "root" $ "entry" .) | fromYaml).existingSecret }}{{ end }}
{{- if .Values.compactor.enabled }}{{ $existing = concat $existing (list .Values.compactor.existingSecret .Values.compactor.pushgateway.existingSecret) }}{{ end }}
{{- with compact $existing | uniq }}

The pods read {{ join ", " . }} at their start. After a change{{ if $.Values.restartOnChange }} `helm upgrade` replaces those that read it, or{{ end }}
  kubectl -n {{ $ns }} rollout restart deployment -l app.kubernetes.io/instance={{ $.Release.Name }}
Reloader does it by itself: producer.annotations and batcher.annotations with reloader.stakater.com/auto: "true".
{{- end }}
{{- if not .Values.autoscaling.enabled }}

To let KEDA scale the batcher later, upgrade with helm itself (`helm upgrade --set autoscaling.enabled=true`): it keeps the
pods that run. What renders without the cluster (`helm template`, Argo CD) drops to one pod for a moment: see the chart's README.
{{- end }}
{{- end -}}
