{{- define "vitrine.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{- define "vitrine.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "vitrine.labels" -}}
{{ include "vitrine.selector" . }}
app.kubernetes.io/component: server
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "vitrine.image" -}}
{{- if .Values.image.digest -}}
{{ printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else -}}
{{- $tag := ternary (printf "%s-gpu" .Chart.AppVersion) .Chart.AppVersion .Values.gpu.enabled -}}
{{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default $tag) }}
{{- end -}}
{{- end -}}

{{/* A setting as the text of a variable. toJson, as Go would write 50000000 as 5e+07. */}}
{{- define "vitrine.text" -}}
{{- if kindIs "string" . -}}
{{ . }}
{{- else if kindIs "slice" . -}}
{{ join "," . }}
{{- else -}}
{{ toJson . }}
{{- end -}}
{{- end -}}

{{/* preStop, delay and drain; 10 s in which several workers close their models; 5 s to spare. */}}
{{- define "vitrine.graceSeconds" -}}
{{- $settings := .Values.settings -}}
{{- $workers := ternary 10 0 (gt (int $settings.workers) 1) -}}
{{ add .Values.preStopSeconds (ceil $settings.drain_delay_seconds) $settings.drain_seconds $workers 5 }}
{{- end -}}

{{- define "vitrine.bundleFolder" -}}
{{- with .Values.bundles -}}
{{- if .folder -}}
{{ .folder }}
{{- else -}}
/bundles
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What the Pod Security Standard "restricted" asks of a pod, and of each container. */}}
{{- define "vitrine.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "vitrine.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
