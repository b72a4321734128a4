//! The command from outside: what it prints, what it writes, and how it ends.

#![cfg(feature = "cli")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

use redelivery::cli::{Exit, exit::EXITS, guarded};
use serde_json::Value;

/// A small shop whose crash between effect and ack repeats the effect; the inbox of its variant does not.
const SHOP: &str = r#"
title = "A small shop"
question = "Does a crash repeat the effect?"
seed = 7
run = { for = "1min" }
check = { seeds = 3 }
explore = { faults = 1, operations = 2 }
producer.checkout = { to = "payments", arrivals = { poisson = "20/s" } }
queue.payments = { product = "plain", lease = "30s" }
store.db = { kind = "database" }

[consumer.capture]
from = "payments"
instances = 2
workers = 2
steps = ["effect db", "ack"]

[fault.crashes]
crash = "capture"
at_step = "ack"
chance = "1%"
restart_after = "1s"

[expect]
capture = ["effects exactly-once violated", "lost = 0", "p99(end to end) < 60s"]

[variant.inbox]
set = { "consumer.capture.steps" = ["begin db", "mark db", "effect db", "commit db", "ack"] }
expect = { capture = ["effects exactly-once", "lost = 0"] }
"#;

/// A folder of its own for a test, taken away at the end.
struct Place(PathBuf);

impl Place {
    fn new() -> Place {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("redelivery-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        // The current folder of a process is a real path; a temporary one may be a link.
        Place(path.canonicalize().expect("a real path"))
    }
    fn with(files: &[(&str, &str)]) -> Place {
        let place = Place::new();
        for (name, text) in files {
            place.write(name, text);
        }
        place
    }
    fn shop() -> Place {
        Place::with(&[("shop.toml", SHOP)])
    }
    fn write(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("written");
    }
    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redelivery"));
        command.current_dir(&self.0).args(line.split_whitespace());
        command
    }
    fn run(&self, line: &str) -> Ran {
        Ran::of(self.command(line).output().expect("it starts"))
    }
    /// Every file below, as paths.
    fn files(&self) -> Vec<String> {
        fn below(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() { below(&path, found) } else { found.push(path) }
            }
        }
        let mut found = Vec::new();
        below(&self.0, &mut found);
        let shown =
            |path: &PathBuf| path.strip_prefix(&self.0).expect("below").display().to_string().replace('\\', "/");
        let mut names: Vec<String> = found.iter().map(shown).collect();
        names.sort();
        names
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn of(output: Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
    #[track_caller]
    fn ends(self, exit: Exit) -> Ran {
        assert_eq!(self.code, Some(exit.code().into()), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }
    #[track_caller]
    fn complains(self, words: &[&str]) -> Ran {
        for word in words {
            assert!(self.err.contains(word), "no {word:?} in:\n{}", self.err);
        }
        self
    }
    #[track_caller]
    fn says(self, words: &[&str]) -> Ran {
        for word in words {
            assert!(self.out.contains(word), "no {word:?} in:\n{}", self.out);
        }
        self
    }
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}:\n{}", self.out))
    }
}

#[test]
fn a_run_answers_and_leaves_its_result() {
    let place = Place::shop();
    place
        .run("run shop.toml")
        .ends(Exit::AsExpected)
        .says(&["A small shop", "again  redelivery run shop.toml --seed 7"]);
    let folder = "output/shop";
    let names = [".redelivery", "duplicates.svg", "lag.svg", "result.json"].map(|name| format!("{folder}/{name}"));
    assert_eq!(place.files(), [names.as_slice(), &["shop.toml".into()]].concat());
    let printed = place.run("run shop.toml --json --no-files").ends(Exit::AsExpected);
    assert_eq!(printed.out, place.read("output/shop/result.json"));
    let result = printed.json();
    assert_eq!(result["expectations"][0]["outcome"], "violated");
    assert!(result["counts"]["duplicates"].as_u64() > Some(0), "{}", result["counts"]);
}

#[test]
fn every_key_that_json_has_is_documented() {
    let place = Place::shop();
    let page = place.run("help result").ends(Exit::AsExpected).out;
    let documented = |heading: &str| -> Vec<&str> {
        let section = page.lines().skip_while(|line| !line.contains(heading)).skip(2);
        let names = section.map_while(|line| line.strip_prefix("  ")?.split(' ').next());
        names.filter(|name| !name.is_empty()).collect()
    };
    let check = |printed: &Value, documented: &[&str]| {
        let keys = printed.as_object().expect("an object").keys().map(String::as_str);
        assert_eq!(keys.collect::<BTreeSet<_>>(), documented.iter().copied().collect::<BTreeSet<_>>());
    };
    for (heading, line) in [
        ("`run --json`", "run shop.toml --json --no-files --seeds 2"),
        ("`run --op N --json`", "run shop.toml --op 3 --json"),
        ("`explore --json`", "explore shop.toml --json"),
        ("`replay --json`", "replay output/shop/schedule.json --json"),
    ] {
        check(&place.run(line).ends(Exit::AsExpected).json(), &documented(heading));
    }
    // "the other searches, with the keys from asked to story"
    let found = place.run("explore shop.toml --json").ends(Exit::AsExpected).json();
    let keys = documented("`explore --json`");
    let at = |name| keys.iter().position(|key| *key == name).expect("a key of the page");
    check(&found["others"][0], &keys[at("asked")..=at("story")]);
}

#[test]
fn many_seeds_give_intervals_and_a_fingerprint_each() {
    let place = Place::shop();
    let result = place.run("run shop.toml --seed 40 --seeds 3 --json --no-files").ends(Exit::AsExpected).json();
    let seeds: Vec<&Value> = result["seeds"].as_array().expect("a list").iter().map(|world| &world["seed"]).collect();
    assert_eq!(seeds, [40, 41, 42]);
    let mean = &result["over_seeds"]["consumers"]["capture"]["p99(end to end)"];
    assert!(mean["n"] == 3 && mean["half_width"].is_number(), "{mean}");
    let one = place.run("run shop.toml --seed 41 --json --no-files").ends(Exit::AsExpected).json();
    assert_eq!(one["fingerprint"], result["seeds"][1]["fingerprint"]);
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let place = Place::shop();
    place.write("more/shop.toml", SHOP);
    for line in ["run shop.toml --seeds 4 --json --no-files", "check ."] {
        let one = place.run(&format!("{line} --threads 1")).ends(Exit::AsExpected);
        let two = place.run(&format!("{line} --threads 2")).ends(Exit::AsExpected);
        assert_eq!(one.out, two.out);
    }
}

#[test]
fn settings_and_variants_change_the_world_or_are_refused() {
    let place = Place::shop();
    place.run("run shop.toml --variant inbox").ends(Exit::AsExpected).says(&["--variant inbox"]);
    assert!(place.files().contains(&"output/shop/inbox/result.json".into()));
    // The base's folder may come after its variant's.
    place.run("run shop.toml").ends(Exit::AsExpected);
    assert!(place.files().contains(&"output/shop/inbox/result.json".into()));

    let set =
        place.run("run shop.toml --set queue.payments.lease=2min --json --no-files").ends(Exit::AsExpected).json();
    assert_eq!(set["settings"][0], "queue.payments.lease=2min");
    let certain = "run shop.toml --no-files --set fault.crashes.chance=0";
    place.run(certain).ends(Exit::NotAsExpected).says(&["HOLDS, expected to break"]);
    place.run("run shop.toml --set queue.payments.leese=1s").ends(Exit::Input).complains(&["leese", "did you mean"]);
    place.run("run shop.toml --set lease").ends(Exit::Input).complains(&["PATH=VALUE"]);
    place.run("run shop.toml --variant inboxx").ends(Exit::Input).complains(&["inboxx"]);
}

#[test]
fn the_exit_code_says_what_came_of_it() {
    let place = Place::shop();
    place.write("wrong.toml", &SHOP.replace("effects exactly-once violated", "effects exactly-once"));
    place
        .write("open.toml", &SHOP.replace("\"lost = 0\", \"p99(end to end) < 60s\"", "\"dead-lettered at-most-once\""));
    place.write("silent.toml", SHOP.split("[expect]").next().expect("the rest"));
    for (file, exit) in [("wrong", Exit::NotAsExpected), ("open", Exit::Undecided), ("silent", Exit::AsExpected)] {
        place.run(&format!("run {file}.toml --no-files")).ends(exit);
    }
    place.run("run --seeds 0 shop.toml").ends(Exit::Input);
    place.run("rum shop.toml").ends(Exit::Input).complains(&["run"]);
    place.run("--version").ends(Exit::AsExpected).says(&["redelivery"]);
    for (exit, _) in EXITS {
        let code = format!("  {} ", exit.code());
        place.run("help exit-codes").says(&[&code]);
    }
    assert_eq!(guarded(|| panic!("a defect, for a test")), Exit::Defect);
    // The hook that told of it.
    drop(std::panic::take_hook());
}

#[test]
fn what_cannot_be_read_is_refused_with_a_hint() {
    let place = Place::shop();
    place.run("run shp.toml").ends(Exit::Input).complains(&["there is no shp.toml", "did you mean shop.toml?"]);
    place.run("run nowhere/shop.toml").ends(Exit::Input).complains(&["no folder nowhere"]);
    place.run("run .").ends(Exit::Input).complains(&["is a folder", "redelivery check ."]);
    fs::write(place.0.join("bytes.toml"), b"title = \"\xff\"").expect("written");
    place.run("run bytes.toml").ends(Exit::Input).complains(&["byte 9 is not UTF-8"]);
    place.write("huge.toml", &"#\n".repeat(3 << 20));
    place.run("run huge.toml").ends(Exit::Input).complains(&["4 MiB"]);
    place.run("check nothing").ends(Exit::Input).complains(&["there is no nothing"]);
    place.run("explore shop.toml --late often").ends(Exit::Input).complains(&["unlimited"]);
    assert_eq!(place.files(), ["bytes.toml", "huge.toml", "shop.toml"]);
}

#[test]
fn what_is_out_of_range_is_refused_with_the_range() {
    let place = Place::shop();
    for (options, words) in [
        ("--seeds 0", "from 1 to 1000000"),
        ("--threads 0", "from 1 to 1024"),
        ("--seed seven", "a whole number"),
        ("--seed -1", "a whole number"),
        ("--op -1", "'-1'"),
    ] {
        place.run(&format!("run shop.toml {options}")).ends(Exit::Input).complains(&[words]);
    }
    assert_eq!(place.files(), ["shop.toml"]);
}

#[test]
fn what_cannot_be_written_is_told_and_leaves_nothing() {
    let place = Place::shop();
    place.write("folder/in.txt", "");
    let no_folder = "run shop.toml --no-files --facts shop.toml/facts";
    for line in ["run shop.toml --no-files --facts folder", "run shop.toml --no-files --facts .", no_folder] {
        place.run(line).ends(Exit::Input).complains(&["cannot write facts to"]);
    }
    // What is no file of facts stays what it is, the scenario above all.
    let before = place.read("shop.toml");
    place.run("run shop.toml --no-files --facts shop.toml").ends(Exit::Input).complains(&["is not replaced"]);
    assert_eq!(place.read("shop.toml"), before);
    // Where the results should go stands a file.
    place.write("output", "");
    for line in ["run shop.toml", "explore shop.toml"] {
        place.run(line).ends(Exit::Input).complains(&["output/shop", "no folder"]);
    }
    assert_eq!(place.files(), ["folder/in.txt", "output", "shop.toml"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let place = Place::shop();
    let full = "run shop.toml --no-files --facts /dev/full";
    place.run(full).ends(Exit::Input).complains(&["cannot write facts to /dev/full", "No space left"]);
    for line in ["run shop.toml --no-files --json", "run shop.toml --no-files --facts -", "help plain"] {
        let full = fs::File::options().write(true).open("/dev/full").expect("a device");
        let ran = Ran::of(place.command(line).stdout(full).stderr(Stdio::piped()).output().expect("it starts"));
        ran.ends(Exit::Input).complains(&["cannot write to the standard output"]);
    }
}

#[test]
fn only_a_folder_of_this_scenario_is_replaced() {
    let place = Place::shop();
    place.write("output/shop/thesis.txt", "years of work");
    let refused = place.run("run shop.toml").ends(Exit::Input);
    refused.complains(&["output/shop is not replaced", "thesis.txt", "--no-files"]);
    assert_eq!(place.files(), ["output/shop/thesis.txt", "shop.toml"]);

    fs::remove_file(place.0.join("output/shop/thesis.txt")).expect("removed");
    place.run("run shop.toml --seed 1").ends(Exit::AsExpected);
    let before = place.read("output/shop/result.json");
    place.run("run shop.toml --seed 2").ends(Exit::AsExpected);
    assert_ne!(before, place.read("output/shop/result.json"));

    // The same name, another file.
    let json = r#"{"title": "another", "producer": {"p": {"to": "q", "arrivals": {"at_once": 1}}}, "queue": {"q": {"product": "plain"}}}"#;
    place.write("shop.json", json);
    place.run("run shop.json").ends(Exit::Input).complains(&["it holds the results of \"shop.toml\""]);
    // Nothing escapes the folder.
    place.write("here/x", "");
    let mut outside = place.command("run ../shop.toml");
    let ran = Ran::of(outside.current_dir(place.0.join("here")).output().expect("it starts")).ends(Exit::AsExpected);
    assert!(place.files().contains(&"here/output/shop/result.json".into()), "{}", ran.out);
}

#[test]
fn check_judges_everything_below_in_order() {
    let place = Place::shop();
    place.write("a/wrong.toml", &SHOP.replace("effects exactly-once violated", "effects exactly-once"));
    place.write("output/not-looked-at.toml", "");
    place.write(".hidden/not-looked-at.toml", "");
    let ran = place.run("check .").ends(Exit::NotAsExpected);
    let ran =
        ran.says(&["again  redelivery run a/wrong.toml --seed 7 --op ", "4 scenarios and variants, 1 not as expected"]);
    let lines: Vec<&str> = ran.out.lines().filter(|line| !line.starts_with(' ')).collect();
    let starts = ["FAIL  a/wrong.toml", "ok    a/wrong.toml", "ok    shop.toml"];
    assert!(starts.iter().zip(&lines).all(|(start, line)| line.starts_with(start)), "{}", ran.out);

    // The line that repeats it does.
    let again = ran.out.lines().find_map(|line| line.trim().strip_prefix("again  redelivery ")).expect("a line");
    place.run(again).ends(Exit::AsExpected).says(&["op "]);

    place.write("a/silent.toml", SHOP.split("[expect]").next().expect("the rest"));
    place.run("check .").ends(Exit::Input).says(&["ERROR      a/silent.toml", "nothing to check", "ok    shop.toml"]);
    place.run("check shop.toml --seeds 1").ends(Exit::AsExpected).says(&["1 seed,"]);
}

#[test]
fn a_violation_is_told_and_replays() {
    let place = Place::shop();
    let found = place.run("explore shop.toml --json").ends(Exit::AsExpected).json();
    assert_eq!((&found["verdict"], &found["expected"]), (&"violated".into(), &"violated".into()));
    assert_eq!(found["violation"]["faults"], 1);
    assert_eq!(found["others"][0]["verdict"], "holds");
    assert_eq!(found["not_asked"][0], "capture: p99(end to end) < 60s");
    let replayed = place.run("replay output/shop/schedule.json --json").ends(Exit::AsExpected).json();
    assert_eq!((&replayed["reproduced"], &replayed["story"]), (&true.into(), &found["story"]));

    // With the inbox the same steps are no longer there.
    let schedule = place.read("output/shop/schedule.json");
    place.write("moved.json", &schedule.replace("\"variant\": null", "\"variant\": \"inbox\""));
    place.run("replay moved.json").ends(Exit::Input).complains(&["step ", "what can happen there: "]);
    let mut short: Value = serde_json::from_str(&schedule).expect("a schedule");
    short["steps"].as_array_mut().expect("steps").pop();
    place.write("short.json", &short.to_string());
    place.run("replay short.json").ends(Exit::NotAsExpected).says(&["nothing breaks any more"]);
    place.write("edited.json", &schedule.replacen("\"lane\": 0", "\"lane\": 99", 1));
    place.run("replay edited.json").ends(Exit::Input).complains(&["step 2 of", "cannot be taken", "explore it again"]);
    place.write("new.json", "{\"format\": 2}");
    place.run("replay new.json").ends(Exit::Input).complains(&["format 2"]);
    place.run("replay shop.toml").ends(Exit::Input).complains(&["is no schedule", "under output/"]);
}

#[test]
fn exploring_ends_as_expected_or_not_or_undecided() {
    let place = Place::shop();
    place.run("explore shop.toml --variant inbox").ends(Exit::AsExpected);
    // What held leaves no schedule of an older search behind.
    assert!(!place.files().iter().any(|name| name.ends_with("schedule.json")));
    place.run("explore shop.toml --faults 0 --no-files").ends(Exit::NotAsExpected);
    place.run("explore shop.toml --variant inbox --max-states 5 --no-files").ends(Exit::Undecided).says(&["5 states"]);
    let late = "explore shop.toml --variant inbox --late unlimited --leases loose --operations 1 --json --no-files";
    assert_eq!(place.run(late).ends(Exit::AsExpected).json()["late"], "unlimited");
    place.write("silent.toml", SHOP.split("[expect]").next().expect("the rest"));
    place.run("explore silent.toml").ends(Exit::Input).complains(&["nothing that an explorer can answer"]);
}

#[test]
fn facts_are_lines_of_json_and_the_same_bytes_on_stdout() {
    let place = Place::shop();
    place.run("run shop.toml --no-files --facts facts.jsonl").ends(Exit::AsExpected);
    let text = place.read("facts.jsonl");
    let facts: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    assert_eq!(facts[0]["queues"][0], "payments");
    assert_eq!(facts[0]["processes"][1]["name"], "capture-2");
    assert!(facts.windows(2).all(|pair| pair[0]["t"].as_u64() <= pair[1]["t"].as_u64()));
    let effects = facts.iter().filter(|fact| fact["fact"] == "effect").count() as u64;
    let result = place.run("run shop.toml --no-files --json").json();
    assert_eq!(result["counts"]["effects"].as_u64(), Some(effects));
    assert_eq!(place.run("run shop.toml --no-files --facts -").ends(Exit::AsExpected).out, text);
    place.run("run shop.toml --no-files --facts facts.jsonl").ends(Exit::AsExpected);
    place.run("run shop.toml --no-files --facts nowhere/facts").ends(Exit::Input).complains(&["cannot write facts"]);
    place.run("run shop.toml --facts - --json").ends(Exit::Input).complains(&["standard output"]);
}

#[test]
fn one_operation_has_its_life_told() {
    let place = Place::shop();
    let life = place.run("run shop.toml --op 3 --json").ends(Exit::AsExpected).json();
    assert!(life["op"] == 3 && life["story"].as_array().is_some_and(|lines| lines.len() > 2), "{life}");
    place.run("run shop.toml --op 4000000").ends(Exit::Input).complains(&["never produced"]);
    assert_eq!(place.files(), ["shop.toml"]);
}

#[test]
fn help_has_a_page_for_every_topic() {
    let place = Place::new();
    for (topic, words) in [
        ("", ["exit-codes", "schema"]),
        ("products", ["plain", "redelivery help NAME"]),
        ("plain", ["default 30s", "Not modelled"]),
        ("patterns", ["transactional-inbox", "steps: "]),
        ("guarantees", ["A3  effects at-most-once", "undecided until"]),
        ("schema", ["[consumer.NAME]", "title*"]),
        ("limits", ["4 MiB", "1,000,000"]),
        ("exit-codes", ["undecided", "a defect of redelivery"]),
        ("result", ["over_seeds", "fingerprint"]),
        ("facts", ["nanoseconds", "names"]),
        ("run", ["--variant", "Examples:"]),
    ] {
        place.run(&format!("help {topic}")).ends(Exit::AsExpected).says(&words);
    }
    place.run("help guarantee").ends(Exit::Input).complains(&["did you mean `redelivery help guarantees`?"]);
    place.run("help zzz").ends(Exit::Input).complains(&["topics are products"]);
}

#[test]
fn every_scenario_that_a_help_text_names_is_there() {
    let place = Place::new();
    let mut named = 0;
    for line in ["--help", "run --help", "check --help", "explore --help", "replay --help", "help --help", "help"] {
        let text = place.run(line).ends(Exit::AsExpected).out;
        for word in text.split_whitespace().filter(|word| word.contains("scenarios/")) {
            let file = match word.strip_prefix("output/") {
                Some(schedule) => schedule.replace("/schedule.json", ".toml"),
                None => word.to_owned(),
            };
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file).is_file(), "{line}: there is no {file}");
            named += 1;
        }
    }
    assert!(named >= 4, "{named}");
}

#[test]
fn a_number_that_is_none_is_refused_with_what_is_expected() {
    let place = Place::shop();
    for (line, expected) in [
        ("run shop.toml --seed -1", "expected a whole number from 0 on"),
        ("run shop.toml --seed 99999999999999999999", "it is too large"),
        ("run shop.toml --op abc", "expected a whole number from 0 on"),
        ("run shop.toml --seeds -1", "expected a whole number from 1 to 1000000"),
        ("run shop.toml --threads 0", "expected a whole number from 1 to 1024"),
        ("explore shop.toml --faults x", "expected a whole number from 0 to 255"),
        ("explore shop.toml --faults -1", "expected a whole number from 0 to 255"),
        ("explore shop.toml --late -1", "expected a whole number from 0 to 255, or `unlimited`"),
    ] {
        let ran = place.run(line).ends(Exit::Input).complains(&[expected]);
        assert!(!ran.err.contains("tip:"), "{line}:\n{}", ran.err);
    }
}

/// Poison that fails at once and is given back at once, without a cap: time stands still.
#[test]
fn a_world_that_stands_still_is_cut_short() {
    let still = SHOP
        .replace("arrivals = {", "poison = { fraction = 1.0 }, arrivals = {")
        .replace("kind = \"database\"", "kind = \"database\", latency = \"0s\"")
        .replace("workers = 2", "workers = 2\non_error = { nack = \"0s\" }");
    let place = Place::with(&[("still.toml", &still)]);
    let ran = place.run("run still.toml --no-files").ends(Exit::Undecided);
    assert!(ran.out.contains("more than 1000000 events in one instant, the last by capture-1/w1"), "{}", ran.out);
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_nothing() {
    let endless = SHOP.replace("for = \"1min\"", "for = \"20000h\"");
    let place = Place::with(&[("long.toml", &endless)]);
    let explore = "explore long.toml --faults 9 --late 9 --operations 9";
    let runs = ["run long.toml", "run long.toml --facts facts.jsonl", "run long.toml --seeds 3 --threads 2"];
    for line in runs.into_iter().chain(["check .", explore]) {
        let mut command = place.command(line);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        sleep(Duration::from_millis(400));
        let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("a signal");
        assert!(sent.success());
        let ran = Ran::of(child.wait_with_output().expect("it ends"));
        ran.ends(Exit::Interrupted).complains(&["interrupted; nothing was written"]);
        assert_eq!(place.files(), ["long.toml"], "after {line}");
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let place = Place::shop();
    let mut command = place.command("run shop.toml --no-files --facts -");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(child.stdout.take());
    Ran::of(child.wait_with_output().expect("it ends")).ends(Exit::AsExpected);
}
