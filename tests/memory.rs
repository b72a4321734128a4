//! What a message takes while it waits: a whole run, by the most that it ever had in memory.

#![cfg(all(feature = "cli", target_os = "linux"))]

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

const WAITING: &str = r#"
title = "All at once, and hardly anybody takes them"
question = "What does a waiting message weigh?"
seed = 1
run = { operations = 1, drain = "1ms" }
producer.p = { to = "q", arrivals = { at_once = 1 }, publish = "fire-and-forget" }
queue.q = { product = "plain" }
store.db = { kind = "database" }

[consumer.c]
from = "q"
steps = ["work", "effect db", "ack"]
work = "1h"
"#;

/// The most memory that this process ever had, in bytes; `None` where the system does not say, or the process is over.
fn high_water(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// The same of a run in which so many messages wait at the end. It is looked at every millisecond, so the last one of a
/// run, in which it grows no more, may go unseen.
fn peak(file: &str, product: &str, messages: u32) -> Option<u64> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_redelivery"))
        .args(["run", file, "--no-files", "--json", "--threads", "1"])
        .args(["--set", &format!("run.operations={messages}")])
        .args(["--set", &format!("queue.q={{product=\"{product}\"}}")])
        .args(["--set", &format!("producer.p.arrivals.at_once={messages}")])
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut peak = None;
    let exit = loop {
        if let Some(exit) = child.try_wait().expect("a child of ours") {
            break exit;
        }
        peak = peak.max(high_water(&child));
        sleep(Duration::from_millis(1));
    };
    assert!(exit.success(), "{exit}");
    peak
}

/// It is 24 + 20 + 4 bytes in the broker (message, entry, ready order) and 16 + 24 in the judge (operation, place), and the
/// tables whose length is a power of two are resident to their end.
#[test]
fn a_waiting_message_takes_at_most_96_bytes() {
    let file = std::env::temp_dir().join(format!("redelivery-waiting-{}.toml", std::process::id()));
    fs::write(&file, WAITING).expect("written");
    let name = file.to_str().expect("a name of ours");
    let peaks = ["plain", "sqs-standard"]
        .map(|product| (product, peak(name, product, 100_000), peak(name, product, 1_000_000)));
    fs::remove_file(&file).expect("removed");
    for (product, few, many) in peaks {
        let (Some(few), Some(many)) = (few, many) else {
            eprintln!("skipped: there is no /proc/PID/status that says VmHWM");
            return;
        };
        let bytes = many.saturating_sub(few) / 900_000;
        assert!((48..=96).contains(&bytes), "{bytes} bytes a message of {product}");
    }
}
