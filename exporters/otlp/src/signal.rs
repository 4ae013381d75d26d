use cachescope_exporter::Variables;

/// A signal of OpenTelemetry that is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Metrics,
}

impl Signal {
    pub(crate) const COUNT: usize = 2;

    pub(crate) fn index(self) -> usize {
        self as usize
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
        }
    }

    /// Returns the variable with the SDK's time limit for an export of this signal.
    pub(crate) fn sdk_timeout_variable(self) -> &'static str {
        match self {
            Self::Traces => "OTEL_BSP_EXPORT_TIMEOUT",
            Self::Metrics => "OTEL_METRIC_EXPORT_TIMEOUT",
        }
    }

    /// Returns the name of this signal's own variable, such as `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` for `ENDPOINT`.
    pub(crate) fn own_variable(self, suffix: &str) -> String {
        format!("OTEL_EXPORTER_OTLP_{}_{suffix}", self.name().to_ascii_uppercase())
    }

    /// Reads the signal's own variable, or else the variable for all signals. Returns the name that is set, and its value.
    pub(crate) fn variable(self, variables: Variables<'_>, suffix: &str) -> Option<(String, String)> {
        variables.first([self.own_variable(suffix), format!("OTEL_EXPORTER_OTLP_{suffix}")])
    }
}
