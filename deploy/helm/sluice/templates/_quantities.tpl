{{/* Seconds of a duration such as 30, "30s", "2m", "250ms", "12h"; whole seconds, rounded up. */}}
{{- define "sluice.seconds" -}}
{{- include "sluice.quantity" (list "duration" .) | float64 | ceil | int64 -}}
{{- end -}}

{{/* The number of seconds or bytes that a text or a number says. Call: (list "duration" "2m"), (list "size" "64MiB"). */}}
{{- define "sluice.quantity" -}}
{{- $text := include "sluice.plain" (index . 1) -}}
{{- $number := regexFind "^[0-9]+(\\.[0-9]+)?" $text | float64 -}}
{{- $units := dict "" 1.0 "ms" 0.001 "s" 1.0 "m" 60.0 "min" 60.0 "h" 3600.0 "d" 86400.0 "w" 604800.0 -}}
{{- if eq (index . 0) "size" }}{{ $units = dict "" 1.0 "B" 1.0 "kB" 1e3 "MB" 1e6 "GB" 1e9 "KiB" 1024.0 "MiB" 1048576.0 "GiB" 1073741824.0 }}{{ end -}}
{{- mulf $number (get $units (regexFind "[A-Za-z]*$" $text)) | printf "%f" -}}
{{- end -}}

{{/* Milliseconds of a duration as Prometheus writes it: "1m30s". */}}
{{- define "sluice.prometheusMillis" -}}
{{- $factors := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 "d" 86400000 "w" 604800000 "y" 31536000000 -}}
{{- $sum := 0 -}}
{{- range regexFindAll "[0-9]+(ms|[smhdwy])" . -1 -}}
{{- $sum = add $sum (mul (regexFind "^[0-9]+" . | int64) (get $factors (regexFind "[a-z]+$" .) | int64)) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}

{{/*
Durations and sizes written as text, which the values' schema cannot compare: files/limits.yaml has what the services take.
Call: (dict "root" $ "section" "producer" "values" <its values> "of" <said after the value's name>)
*/}}
{{- define "sluice.validateQuantities" -}}
{{- $call := . -}}
{{- range $path, $limit := ($call.root.Files.Get "files/limits.yaml" | fromYaml).limits -}}
{{- if hasPrefix (printf "%s." $call.section) $path -}}
{{- $value := $call.values -}}
{{- range rest (splitList "." $path) }}{{ $value = get (default dict $value) . }}{{ end -}}
{{- if and (kindIs "string" $value) (ne $value "") -}}
{{- $number := include "sluice.quantity" (list $limit.kind $value) | float64 -}}
{{- $rule := "" -}}
{{- with $limit.minimum }}{{ if lt $number (index . 0 | float64) }}{{ $rule = printf "%s or more" (index . 1) }}{{ end }}{{ end -}}
{{- with $limit.exclusiveMinimum }}{{ if le $number (index . 0 | float64) }}{{ $rule = printf "more than %s" (index . 1) }}{{ end }}{{ end -}}
{{- with $limit.maximum }}{{ if gt $number (index . 0 | float64) }}{{ $rule = printf "%s or less" (index . 1) }}{{ end }}{{ end -}}
{{- if $rule }}{{ fail (printf "%s=%s%s: must be %s" $path $value (default "" $call.of) $rule) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Whether a component's extraEnv has a variable: then the chart does not know what it is. Call: (list <values> "NAME") */}}
{{- define "sluice.hasEnv" -}}
{{- $name := index . 1 -}}
{{- range (index . 0).extraEnv }}{{ if eq .name $name }}yes{{ end }}{{ end -}}
{{- end -}}
