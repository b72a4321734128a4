//! Answers made by hand, to be read like prose.
#![cfg(feature = "cli")]

use insta::assert_snapshot;

use redelivery::observe::estimate;
use redelivery::observe::report::Report;
use redelivery::sim::Span;
use redelivery::tell::answer::{Checked, Explored, Telling, answer, check_line, exploration};
use redelivery::tell::paint::Paint;
use redelivery::ways::judge::{Break, Judgement};

/// Columns of a terminal.
const WIDTH: usize = 100;
use redelivery::model::Leases;
use redelivery::model::broker::{Settings, plain};
use redelivery::model::plan::*;
use redelivery::observe::Judge;
use redelivery::observe::automata::Questions;
use redelivery::observe::guarantees::{Asked, Id};
use redelivery::observe::report::{CAUSES, CauseCount, Latency, Verdict};
use redelivery::scenario::metric::Unit;
use redelivery::sim::{Dist, KeyDraw, Time};
use redelivery::ways::explore::{Late, Limits, Rules, explore};

fn plan() -> Plan {
    let mut plan = Plan::new("The card network is slower than the lease");
    plan.question = "Is 30 s enough?".into();
    plan.length.operations = Some(2);
    let dead = QueueId(1);
    let settings = plain::Settings { max_deliveries: Some(5), dead_letter_to: Some(dead), ..Default::default() };
    plan.queues.push(Queue { name: "payments".into(), settings: Settings::Plain(settings) });
    plan.queues.push(Queue { name: "payments-dlq".into(), settings: Settings::Plain(plain::Settings::default()) });
    let gap = Span::from_millis(5);
    let mut producer = Producer::new("checkout", QueueId(0), Arrivals::Constant { gap });
    producer.keys = KeyDraw::uniform(10_000);
    plan.producers.push(producer);
    let latency = Dist::lognormal((0.5, Span::from_millis(120)), (0.99, Span::from_secs(4))).expect("a world of ours");
    let kind = StoreKind::External { idempotency: None };
    plan.stores.push(Store { name: "card-network".into(), kind, latency });
    let effect = Step::Effect { store: StoreId(0), site: 0 };
    let mut consumer = Consumer::new("capture", QueueId(0), vec![effect, Step::Ack]);
    consumer.instances = 2;
    plan.consumers.push(consumer);
    plan.check().expect("a world of ours")
}

/// An hour of a world in which so many leases expired under a live handler.
fn hour(seed: u64, duplicates: u64) -> Report {
    let mut report = Judge::new(&plan(), seed).finish(Time::ZERO + Span::from_secs(3_607), None);
    let consumer = &mut report.consumers[0];
    let counts = &mut consumer.counts;
    (counts.produced, counts.confirmed, counts.delivered, counts.runs) = (720_267, 720_267, 733_001, 733_001);
    (counts.effects, counts.duplicates, counts.out_of_order) = (720_267 + duplicates, duplicates, 152_741);
    report.counts = counts.clone();
    let cause = |at: usize, count| CauseCount { cause: CAUSES[at].into(), count, first_op: 8_412 };
    consumer.duplicates_by_cause = vec![cause(0, duplicates - 2), cause(2, 2)];
    let times = |p50_s, p99_s, max_s| Latency { count: 733_001, p50_s, p99_s, max_s, ..Latency::default() };
    consumer.end_to_end = times(0.121, 4.1, 61.25);
    consumer.queueing = times(0.0, 0.0021, 0.31);
    consumer.handler = times(0.12, 4.02, 92.1);
    (consumer.utilisation, consumer.runs_per_operation, consumer.goodput_per_s) = (0.5831, 1.0177, 200.07);
    (report.queues[0].max_depth, report.queues[0].dead_lettered) = (311, 734);
    report
}

fn judgement(text: &str, expected: Verdict, outcome: Verdict, unit: Unit, values: &[f64]) -> Judgement {
    let first = (outcome == Verdict::Violated).then_some(Break { seed: 7, op: Some(8_412), guarantee: None });
    let measured = (!values.is_empty()).then(|| estimate(values));
    let missing = (outcome == Verdict::Undecided).then(|| "no operation with a key took effect".to_owned());
    let (subject, text, values) = ("capture".into(), text.into(), values.to_vec());
    Judgement { subject, text, expected, outcome, unit, values, measured, first, missing }
}

fn judgements() -> Vec<Judgement> {
    use Verdict::*;
    let dead = judgement("depth in 600..840", Holds, Holds, Unit::Count, &[734.0]);
    vec![
        judgement("effects exactly-once violated", Violated, Violated, Unit::Count, &[92.0]),
        judgement("lost = 0", Holds, Holds, Unit::Count, &[0.0]),
        judgement("p99(end to end) < 10s", Holds, Holds, Unit::Span, &[4.1]),
        Judgement { subject: "payments-dlq".into(), ..dead },
    ]
}

const STORY: &str = "op 8412, key-3, seconds since it was produced\n   0.00  checkout  published, stored, confirmed\n";

fn telling<'a>(plan: &'a Plan, reports: &'a [Report], judgements: &'a [Judgement]) -> Telling<'a> {
    let command = "redelivery run scenarios/06-payment-capture/capture.toml";
    let took = Some(Span::from_millis(312));
    Telling { command, variant: None, plan, reports, judgements, story: Some(STORY.into()), took }
}

#[track_caller]
fn fits(text: &str) {
    for line in text.lines().filter(|line| !line.trim_start().starts_with("again")) {
        assert!(line.chars().count() <= WIDTH, "{} columns: {line}", line.chars().count());
    }
}

#[test]
fn a_run_of_one_seed() {
    let text = answer(&telling(&plan(), &[hour(7, 92)], &judgements()), Paint::Off);
    fits(&text);
    assert_snapshot!(text);
}

#[test]
fn a_run_of_three_seeds() {
    use Verdict::*;
    let judgements = [
        judgement("effects exactly-once", Holds, Violated, Unit::Count, &[92.0, 85.0, 101.0]),
        judgement("lost = 0", Holds, Violated, Unit::Count, &[0.0, 3.0, 0.0]),
        judgement("effects in order", Holds, Undecided, Unit::Count, &[]),
        judgement("effects at-most-once violated", Violated, Holds, Unit::Count, &[0.0, 0.0, 0.0]),
        judgement("p99(end to end) < 10s", Holds, Holds, Unit::Span, &[4.1, 4.3, 4.0]),
    ];
    let mut reports = [hour(7, 92), hour(8, 85), hour(9, 101)];
    reports[1].consumers[0].counts.lost = 3;
    reports[1].still_stored = 12;
    reports[1].cut = Some("interrupted".into());
    let plan = plan();
    let text = answer(
        &Telling { variant: Some("two-minutes"), story: None, ..telling(&plan, &reports, &judgements) },
        Paint::Off,
    );
    fits(&text);
    assert_snapshot!(text);
}

#[test]
fn a_world_in_which_nothing_happened() {
    let report = Judge::new(&plan(), 1).finish(Time::ZERO, None);
    let text = answer(&Telling { story: None, ..telling(&plan(), &[report], &[]) }, Paint::Off);
    fits(&text);
    assert_snapshot!(text);
}

/// Operations that came at once and were tried without an end.
#[test]
fn a_world_in_which_nothing_took_effect() {
    let mut plan = plan();
    plan.queues.push(Queue { name: "jobs-dlq".into(), settings: Settings::Plain(plain::Settings::default()) });
    let mut report = Judge::new(&plan, 1).finish(Time::ZERO + Span::from_secs(11_637_135 * 60), None);
    let consumer = &mut report.consumers[0];
    (consumer.counts.produced, consumer.counts.delivered, consumer.counts.runs) = (20, 900, 900);
    (report.produced_for_s, report.still_stored) = (0.0, 20);
    let text = answer(&Telling { story: None, ..telling(&plan, &[report], &[]) }, Paint::Off);
    fits(&text);
    assert_snapshot!(text);
}

#[test]
fn colour_changes_no_word() {
    let (plan, reports, judgements) = (plan(), [hour(7, 92)], judgements());
    let telling = telling(&plan, &reports, &judgements);
    let coloured = answer(&telling, Paint::On);
    assert!(coloured.contains("\u{1b}["));
    let plain: String = coloured
        .split('\u{1b}')
        .enumerate()
        .map(|(i, part)| if i == 0 { part } else { part.split_once('m').map_or("", |(_, rest)| rest) })
        .collect();
    assert_eq!(plain, answer(&telling, Paint::Off));
}

#[test]
fn checked_files() {
    use Verdict::*;
    let failed = [
        judgement("lost = 0", Holds, Violated, Unit::Count, &[0.0, 3.0, 0.0]),
        judgement("effects exactly-once violated", Violated, Holds, Unit::Count, &[0.0; 3]),
    ];
    let open = [judgement("effects in order", Holds, Undecided, Unit::Count, &[])];
    let ok = judgements();
    let file = "scenarios/06-payment-capture/capture.toml";
    let line = |variant: Option<&str>, judgements| {
        let of = variant.map_or(String::new(), |variant| format!(" --variant {variant}"));
        let command = &format!("redelivery run {file}{of}");
        check_line(&Checked { file, variant, command, seed: 7, seeds: 3, judgements }, Paint::Off)
    };
    let text = [
        line(None, &ok[..]),
        line(Some("heartbeat"), &failed[..]),
        line(Some("two-minutes"), &open[..]),
        line(None, &[]),
    ];
    fits(&text.concat());
    assert_snapshot!(text.concat());
}

fn explored(steps: Vec<Step>, late: Late, states: usize) -> String {
    let mut plan = plan();
    plan.consumers[0].steps = steps;
    plan.stores[0].kind = StoreKind::Database;
    let kind = FaultKind::Crash { consumer: ConsumerId(0), restart_after: Span::from_secs(5) };
    plan.faults.push(Fault { name: "crash".into(), kind, when: When::Every(Span::from_secs(60)) });
    let rules = Rules::new(plan, 1, late, Leases::Loose, false, Some(2)).expect("a world of ours");
    let questions = Questions { guarantees: Asked::of(Id::A3), missing: false };
    let found = explore(&rules, questions, Limits { states, all: false }, |_, _| true);
    let (asked, not_asked) = (["effects at-most-once".to_owned()], ["p99(end to end) < 10s".to_owned()]);
    let text = exploration(
        &Explored {
            rules: &rules,
            found: &found,
            faults: 1,
            leases: Leases::Loose,
            operations: Some(2),
            wires_left_out: true,
            asked: &asked,
            not_asked: &not_asked,
            schedule: Some("output/capture/schedule.json"),
            took: Some(Span::from_millis(1_200)),
        },
        Paint::Off,
    );
    fits(&text);
    text
}

const DB: StoreId = StoreId(0);
const EFFECT: Step = Step::Effect { store: DB, site: 0 };

#[test]
fn an_exploration_that_holds() {
    let inbox = vec![Step::Begin(DB), Step::Mark(DB), EFFECT, Step::Commit(DB), Step::Ack];
    assert_snapshot!(explored(inbox, Late::Unlimited, 1_000_000));
}

#[test]
fn an_exploration_that_finds_a_violation() {
    assert_snapshot!(explored(vec![Step::Seen(DB), EFFECT, Step::Mark(DB), Step::Ack], Late::AtMost(0), 1_000_000));
}

#[test]
fn an_exploration_that_was_stopped() {
    let inbox = vec![Step::Begin(DB), Step::Mark(DB), EFFECT, Step::Commit(DB), Step::Ack];
    assert_snapshot!(explored(inbox, Late::Unlimited, 100));
}
