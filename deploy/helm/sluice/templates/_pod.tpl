{{/*
A service's pod, with all that its values may add. Call: (dict
  "root" $  "component" "batcher"  "id" <of its labels>  "values" <of the component>  "account" <ServiceAccount's name>
  "env" <text>  "annotations" <map>  "mounts" <list>  "volumes" <list>)
*/}}
{{- define "sluice.podTemplate" -}}
{{- $root := .root -}}
{{- $v := .values -}}
metadata:
  labels: {{ include "sluice.podLabels" (merge (dict "labels" $v.podLabels) .id) | nindent 4 }}
  annotations:
    {{- $annotations := mergeOverwrite (dict "kubectl.kubernetes.io/default-container" .component) .annotations (include "sluice.scrapeAnnotations" $root | fromYaml) -}}
    {{- if $root.Values.localstack.enabled }}{{ $_ := set $annotations "checksum/secret" (include "sluice.localstackKeys" $root | sha256sum) }}{{ end }}
    {{- with include "sluice.existingChecksum" (dict "root" $root "values" $v) }}{{ $_ := set $annotations "checksum/existing" . }}{{ end }}
    {{- mergeOverwrite $annotations (deepCopy (default dict $v.podAnnotations)) | toYaml | nindent 4 }}
spec:
  {{- include "sluice.pullSecrets" $root | indent 2 }}
  serviceAccountName: {{ .account }}
  automountServiceAccountToken: false
  # So that the container's first process is not PID 1: the kernel drops a signal that PID 1 has no handler
  # for yet, and even tini needs a moment.
  shareProcessNamespace: true
  terminationGracePeriodSeconds: {{ int $v.terminationGracePeriodSeconds }}
  securityContext: {{ toYaml $root.Values.podSecurityContext | nindent 4 }}
  {{- include "sluice.placement" (dict "root" $root "id" .id "values" $v) | indent 2 }}
  {{- with $v.hostAliases }}
  hostAliases: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with $v.dnsPolicy }}
  dnsPolicy: {{ . }}
  {{- end }}
  {{- with $v.dnsConfig }}
  dnsConfig: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with $v.initContainers }}
  initContainers: {{ toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .component }}
      image: {{ include "sluice.image" (dict "root" $root "image" .component) }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      securityContext: {{ toYaml $root.Values.securityContext | nindent 8 }}
      env: {{ include "sluice.mergedEnv" (dict "env" .env "extra" (default list $v.extraEnv)) | nindent 8 }}
      {{- with $v.envFrom }}
      envFrom: {{ toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - {name: http, containerPort: 8080}
      {{- include "sluice.probes" (default dict $v.probes) | nindent 6 }}
      resources: {{ toYaml (default dict $v.resources) | nindent 8 }}
      volumeMounts: {{ concat (list (dict "name" "tmp" "mountPath" "/tmp")) .mounts (include "sluice.caMounts" $root | fromYamlArray) (default list $v.extraVolumeMounts) | toYaml | nindent 8 }}
    {{- with $v.sidecars }}{{ toYaml . | nindent 4 }}{{ end }}
  volumes: {{ concat .volumes (include "sluice.caVolumes" $root | fromYamlArray) (default list $v.extraVolumes) | toYaml | nindent 4 }}
{{- end -}}

{{/*
A checksum of the Secrets and the ConfigMap that a pod reads at its start and that the chart did not make, so that an upgrade
after a change of one rolls the pod. Helm asks the cluster for them: with `helm template` and Argo CD there is none, and the
same each time. A Secret's uid goes into it, or a short one could be guessed from the checksum.
Call: (dict "root" $ "values" <of the component>)
*/}}
{{- define "sluice.existingChecksum" -}}
{{- $root := .root -}}
{{- $seen := list -}}
{{- if $root.Values.restartOnChange -}}
{{- $pushgateway := default dict .values.pushgateway -}}
{{- range list $root.Values.aws.existingSecret .values.existingSecret $pushgateway.existingSecret $root.Values.caBundle.secret -}}
{{- if . }}{{ with lookup "v1" "Secret" $root.Release.Namespace . }}{{ $seen = append $seen (list .metadata.uid .data) }}{{ end }}{{ end -}}
{{- end -}}
{{- with $root.Values.caBundle.configMap }}{{ with lookup "v1" "ConfigMap" $root.Release.Namespace . }}{{ $seen = append $seen (list .metadata.uid .data .binaryData) }}{{ end }}{{ end -}}
{{- end -}}
{{- if $seen }}{{ toJson $seen | sha256sum }}{{ end -}}
{{- end -}}

{{/*
The probes with the user's keys over them; a handler of the user's own takes the place of ours.
A pod is asked each second whether it is ready: asked too early once, it would otherwise be idle for a whole period.
*/}}
{{- define "sluice.probes" -}}
{{- $all := dict
  "startup" (dict "httpGet" (dict "path" "/healthz" "port" "http") "periodSeconds" 1 "failureThreshold" 60)
  "liveness" (dict "httpGet" (dict "path" "/healthz" "port" "http") "periodSeconds" 10 "timeoutSeconds" 5 "failureThreshold" 6)
  "readiness" (dict "httpGet" (dict "path" "/readyz" "port" "http") "periodSeconds" 1 "timeoutSeconds" 5 "failureThreshold" 10) -}}
{{- range $name := list "startup" "liveness" "readiness" }}
{{- $own := deepCopy (default dict (get $ $name)) }}
{{- $probe := get $all $name }}
{{- if or (hasKey $own "exec") (hasKey $own "tcpSocket") (hasKey $own "grpc") }}{{ $probe = omit $probe "httpGet" }}{{ end }}
{{ $name }}Probe: {{ mergeOverwrite $probe $own | toYaml | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Where pods go. Call: (dict "root" $ "id" <of its labels> "values" <of the component>) */}}
{{- define "sluice.placement" -}}
{{- $id := .id -}}
{{- with .values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range . }}
  - {{ mergeOverwrite (dict "labelSelector" (dict "matchLabels" (include "sluice.selectorLabels" $id | fromYaml))) (deepCopy .) | toYaml | nindent 4 | trim }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Not empty where certificates are given. */}}
{{- define "sluice.caSource" -}}
{{- default "" (default .Values.caBundle.secret .Values.caBundle.configMap) -}}
{{- end -}}

{{- define "sluice.caMounts" -}}
{{- if include "sluice.caSource" . }}
- {name: ca, mountPath: /etc/sluice-ca, readOnly: true}
{{- end }}
{{- end -}}

{{- define "sluice.caVolumes" -}}
{{- if .Values.caBundle.configMap }}
- {name: ca, configMap: {name: {{ .Values.caBundle.configMap }}}}
{{- else if .Values.caBundle.secret }}
- {name: ca, secret: {secretName: {{ .Values.caBundle.secret }}}}
{{- end }}
{{- end -}}

{{/* The pandas hook and the columns, as files: mounts and volumes of whoever runs with the batcher's settings. */}}
{{- define "sluice.files" -}}
{{- if or .Values.batcher.transform.code .Values.batcher.columnsFile -}}{{ include "sluice.fullname" . }}-batcher-files{{- end -}}
{{- end -}}

{{/* The columns as the file that the batcher reads: a map with a list `columns`. */}}
{{- define "sluice.columnsFile" -}}
{{- $given := .Values.batcher.columnsFile -}}
{{- if kindIs "slice" $given }}{{ dict "columns" $given | toYaml }}
{{- else if kindIs "map" $given }}{{ toYaml $given }}
{{- else if and $given (not (hasPrefix "-" (regexReplaceAll "(?m)^\\s*#.*$" $given "" | trim))) }}{{ $given | trim }}
{{- else if $given }}columns: {{ $given | trim | nindent 2 }}
{{- end }}
{{- end -}}
