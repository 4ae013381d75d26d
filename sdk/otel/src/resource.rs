//! The resource: service, instance, host and process.

use std::env::consts;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use crate::Error;
use crate::environment::Environment;

const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// Builds the resource: the defaults, overridden by values set in code, overridden by the environment.
///
/// The SDK's own builder isn't used: it reads only the process's environment, skips malformed pairs without a report,
/// and leaves percent-encoding in place.
pub(crate) fn resource(
    environment: &Environment,
    service_name: Option<String>,
    attributes: Vec<KeyValue>,
) -> Result<Resource, Error> {
    let set = environment.get(ATTRIBUTES).map_or(Ok(Vec::new()), |value| {
        pairs(&value).ok_or_else(|| {
            Error::variable(ATTRIBUTES, &value, "key=value pairs separated by commas, values percent-encoded")
        })
    })?;
    let resource = Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes([
            KeyValue::new("service.name", unknown_service()),
            // Distinguishes the instances of a service, so that their counters can be added up.
            KeyValue::new("service.instance.id", Uuid::new_v4().to_string()),
        ])
        .with_attributes(host_and_process())
        .with_attributes(attributes)
        .with_attributes(service_name.map(|name| KeyValue::new("service.name", name)))
        .with_attributes(set)
        .with_attributes(environment.get("OTEL_SERVICE_NAME").map(|name| KeyValue::new("service.name", name)));
    Ok(resource.build())
}

/// Returns where the process runs, named by the semantic conventions. Omits arguments and user: they may be secrets.
fn host_and_process() -> impl Iterator<Item = KeyValue> {
    let host = gethostname::gethostname().to_string_lossy().into_owned();
    let known = [
        KeyValue::new("host.arch", architecture(consts::ARCH)),
        KeyValue::new("os.type", operating_system(consts::OS)),
        KeyValue::new("process.pid", i64::from(std::process::id())),
        KeyValue::new("process.runtime.name", "rustc"),
    ];
    let host = Some(host).filter(|host| !host.is_empty()).map(|host| KeyValue::new("host.name", host));
    let program = program().map(|program| KeyValue::new("process.executable.name", program));
    known.into_iter().chain(host).chain(program)
}

fn architecture(rust_name: &'static str) -> &'static str {
    match rust_name {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc" => "ppc32",
        "powerpc64" => "ppc64",
        other => other,
    }
}

fn operating_system(rust_name: &'static str) -> &'static str {
    match rust_name {
        "macos" => "darwin",
        "dragonfly" => "dragonflybsd",
        other => other,
    }
}

fn program() -> Option<String> {
    let program = std::env::current_exe().ok()?;
    program.file_name().map(|name| name.to_string_lossy().into_owned())
}

fn unknown_service() -> String {
    program().map_or_else(|| "unknown_service".to_owned(), |name| format!("unknown_service:{name}"))
}

fn pairs(value: &str) -> Option<Vec<KeyValue>> {
    let pairs = value.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=')?;
            let key = key.trim();
            let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
            (!key.is_empty()).then(|| KeyValue::new(key.to_owned(), value.into_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use opentelemetry::Key;

    use super::*;
    use crate::environment::tests::{assert_names, environment};

    fn get(resource: &Resource, key: &'static str) -> String {
        resource.get(&Key::from_static_str(key)).map(|v| v.to_string()).unwrap_or_default()
    }

    #[test]
    fn instance_id_is_random_unless_set() {
        let ids = [(); 2].map(|()| get(&resource(&environment(&[]), None, vec![]).unwrap(), "service.instance.id"));
        assert_ne!(ids[0], ids[1]);
        assert_eq!(Uuid::parse_str(&ids[0]).unwrap().get_version_num(), 4);

        let given = environment(&[(ATTRIBUTES, "service.instance.id=pod-7")]);
        assert_eq!(get(&resource(&given, None, vec![]).unwrap(), "service.instance.id"), "pod-7");
        let code = vec![KeyValue::new("service.instance.id", "pod-8")];
        assert_eq!(get(&resource(&environment(&[]), None, code).unwrap(), "service.instance.id"), "pod-8");
    }

    #[test]
    fn resource_has_host_and_process_but_no_arguments() {
        let found = resource(&environment(&[]), None, vec![]).unwrap();
        assert_eq!(get(&found, "process.pid"), std::process::id().to_string());
        let program = std::env::current_exe().unwrap();
        assert_eq!(get(&found, "process.executable.name"), program.file_name().unwrap().to_string_lossy());
        assert_eq!(get(&found, "process.runtime.name"), "rustc");
        assert_eq!(get(&found, "host.name"), gethostname::gethostname().to_string_lossy());
        assert_eq!(
            (get(&found, "host.arch"), get(&found, "os.type")),
            (architecture(consts::ARCH).into(), operating_system(consts::OS).into())
        );
        assert!(found.iter().all(|(key, _)| !key.as_str().contains("command") && !key.as_str().contains("owner")));

        let given = environment(&[(ATTRIBUTES, "host.name=shelf-4,process.pid=1")]);
        let found = resource(&given, None, vec![KeyValue::new("os.type", "other")]).unwrap();
        assert_eq!(["host.name", "process.pid", "os.type"].map(|key| get(&found, key)), ["shelf-4", "1", "other"]);
    }

    #[test]
    fn host_names_follow_the_semantic_conventions() {
        let arch = ["x86_64", "aarch64", "x86", "arm", "powerpc64", "s390x", "riscv64"].map(architecture);
        assert_eq!(arch, ["amd64", "arm64", "x86", "arm32", "ppc64", "s390x", "riscv64"]);
        assert_eq!(["linux", "macos", "windows"].map(operating_system), ["linux", "darwin", "windows"]);
    }

    #[test]
    fn service_name_comes_from_the_source_of_highest_precedence() {
        let name = |variables: &[(&str, &str)], code: Option<&str>| {
            get(&resource(&environment(variables), code.map(str::to_owned), vec![]).unwrap(), "service.name")
        };
        assert!(name(&[], None).starts_with("unknown_service:"));
        assert_eq!(name(&[], Some("code")), "code");
        assert_eq!(name(&[(ATTRIBUTES, "service.name=attr")], Some("code")), "attr");
        assert_eq!(name(&[(ATTRIBUTES, "service.name=attr"), ("OTEL_SERVICE_NAME", "env")], Some("code")), "env");
    }

    #[test]
    fn resource_decodes_attributes_and_rejects_malformed_pairs() {
        let e = environment(&[(ATTRIBUTES, "deployment.environment.name=prod, team=a%2Cb%20c,")]);
        let r = resource(&e, None, vec![KeyValue::new("team", "weaker"), KeyValue::new("zone", "z")]).unwrap();
        assert_eq!(get(&r, "deployment.environment.name"), "prod");
        assert_eq!(get(&r, "team"), "a,b c");
        assert_eq!(get(&r, "zone"), "z");
        assert_eq!(get(&r, "telemetry.sdk.language"), "rust");
        for value in ["team", "=x", "a=%ff"] {
            assert_names(
                resource(&environment(&[(ATTRIBUTES, value)]), None, vec![]),
                &[ATTRIBUTES, value, "key=value"],
            );
        }
    }
}
