//! The arguments of a declaration: which of them a queue of a family takes, and whether two declarations say the same.
//!
//! It knows RabbitMQ's names for them, not what they do.

use super::Value;
use super::settings::{Family, Settings};
use super::topology::Version;

/// Arguments that only classic queues take.
const CLASSIC_ONLY: &[&str] = &["x-max-priority", "x-queue-mode", "x-queue-version", "x-queue-master-locator"];
/// Arguments that only quorum queues take.
const QUORUM_ONLY: &[&str] = &[
    "x-delivery-limit",
    "x-dead-letter-strategy",
    "x-quorum-initial-group-size",
    "x-max-in-memory-length",
    "x-max-in-memory-bytes",
];
const QUORUM_ONLY_UNTIL_4_0: &[&str] = &["x-queue-leader-locator"];
const QUORUM_ONLY_SINCE_4_3: &[&str] = &[
    "x-consumer-timeout",
    "x-consumer-disconnected-timeout",
    "x-delayed-retry-type",
    "x-delayed-retry-min",
    "x-delayed-retry-max",
];
/// Arguments that only streams take.
const STREAM_ONLY: &[&str] = &["x-max-age", "x-stream-max-segment-size-bytes", "x-initial-cluster-size"];

/// Whether a queue of that kind takes the argument.
pub(super) fn fits(version: Version, family: Family, name: &str, value: &Value) -> bool {
    let at_least = |least: i64| value.whole().is_some_and(|n| n >= least);
    let word = |words: &[&str]| value.text().is_some_and(|word| words.contains(&word));
    let of_family = match family {
        Family::Quorum => !CLASSIC_ONLY.contains(&name),
        Family::Classic => {
            let by_version = match version {
                Version::V3_10 => QUORUM_ONLY_UNTIL_4_0,
                Version::V4_0 => &[],
                Version::V4_3 => QUORUM_ONLY_SINCE_4_3,
            };
            !QUORUM_ONLY.contains(&name) && !by_version.contains(&name)
        }
    };
    let of_family = of_family && !STREAM_ONLY.contains(&name);
    let of_kind = match name {
        "x-message-ttl" | "x-max-length" | "x-max-length-bytes" => at_least(0),
        "x-expires" => at_least(1),
        "x-max-priority" => at_least(0) && !at_least(256),
        "x-dead-letter-exchange" | "x-dead-letter-routing-key" => value.text().is_some(),
        "x-single-active-consumer" => matches!(value, Value::Switch(_)),
        "x-overflow" => word(&["drop-head", "reject-publish", "reject-publish-dlx"]),
        "x-dead-letter-strategy" => word(&["at-most-once", "at-least-once"]),
        "x-queue-mode" => version == Version::V4_3 || word(&["default", "lazy"]),
        "x-queue-version" => at_least(if version == Version::V4_3 { 2 } else { 1 }) && !at_least(3),
        "x-queue-leader-locator" => word(&["client-local", "balanced", "random", "least-leaders"]),
        "x-quorum-initial-group-size" => at_least(1),
        "x-consumer-timeout" | "x-consumer-disconnected-timeout" => version < Version::V4_3 || at_least(0),
        _ => true,
    };
    of_family && of_kind
}

/// Arguments that are compared when a queue is declared again; those of another family are not looked at.
const COMPARED: &[&str] = &[
    "x-expires",
    "x-message-ttl",
    "x-dead-letter-exchange",
    "x-dead-letter-routing-key",
    "x-max-length",
    "x-max-length-bytes",
    "x-overflow",
    "x-single-active-consumer",
];

/// Whether a queue that stands may be declared so once more.
pub(super) fn agree(stands: &Settings, again: &Settings) -> bool {
    let kind = |of: &Settings| get(of, "x-queue-type").unwrap_or(Value::Text("classic".into()));
    let same = |names: &[&str]| names.iter().all(|name| get(stands, name) == get(again, name));
    let version = stands.version;
    let of_family = match stands.family {
        Family::Classic => same(CLASSIC_ONLY) && (version == Version::V3_10 || same(&["x-queue-leader-locator"])),
        Family::Quorum => {
            same(QUORUM_ONLY)
                && same(&["x-queue-leader-locator"])
                && (version < Version::V4_3 || same(QUORUM_ONLY_SINCE_4_3))
        }
    };
    let flags = (stands.durable, stands.auto_delete) == (again.durable, again.auto_delete);
    flags && kind(stands) == kind(again) && same(COMPARED) && of_family
}

fn get(settings: &Settings, name: &str) -> Option<Value> {
    settings.arguments.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone())
}
