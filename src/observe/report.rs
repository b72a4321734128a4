//! The report of one run: what was counted, measured and found. Plain data, the same bytes for the same run.
//!
//! It knows neither the expectations nor how it will be shown. `result.json` is made of it, so its names are stable and
//! documented here.

use serde::Serialize;

/// What one run showed.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The world.
    pub seed: u64,
    /// When the last event happened, in seconds since the start.
    pub end_s: f64,
    /// How long producers produced, in seconds.
    pub produced_for_s: f64,
    /// Why the run was cut short, if it was: then nothing may be concluded from what is absent.
    pub cut: Option<String>,
    /// Operations of which something was still stored or at work when the drain ended, dead letters apart; one that is
    /// routed to several queues counts in each.
    pub still_stored: u64,
    /// Counts over all consumers and queues.
    pub counts: Counts,
    /// By consumer, in the order of the plan.
    pub consumers: Vec<ConsumerReport>,
    /// By queue, in the order of the plan.
    pub queues: Vec<QueueReport>,
    /// What each guarantee came to, over all; by consumer where it is about effects: in `consumers`.
    pub guarantees: Vec<Finding>,
    /// Over time, by queue.
    pub series: Vec<Series>,
    /// When faults were at work, for the bands of plots: the first 1,000.
    pub faults: Vec<FaultBand>,
    /// How many more there were.
    pub more_faults: u64,
    /// The digest of all facts, in hexadecimal: equal runs have equal fingerprints.
    pub fingerprint: String,
}

/// Totals. An operation is counted at most once in `confirmed`, `lost` and `missing`; the others count events.
///
/// Where the messages of a producer may be routed to several queues, the readers of each are judged on their own copy. The
/// counts of one consumer are about the operations routed to its queue. In the counts over all, an operation is one in
/// `produced` and `confirmed`, and its publish one in `published`; in `accepted`, `delivered`, `effects`, `duplicates`, `lost`,
/// `missing` and `dead_lettered` it stands once for each queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Operations produced.
    pub produced: u64,
    /// Publishes sent, retries included.
    pub published: u64,
    /// Copies stored.
    pub accepted: u64,
    /// Publishes refused.
    pub refused: u64,
    /// Operations whose producer got a confirm.
    pub confirmed: u64,
    /// Deliveries.
    pub delivered: u64,
    /// Deliveries of a copy after its first.
    pub redelivered: u64,
    /// Handler runs begun.
    pub runs: u64,
    /// Effects that stand.
    pub effects: u64,
    /// Effects beyond the first of their operation on the same site.
    pub duplicates: u64,
    /// Effects that overtook: an older operation of the key had its first effect after a younger one's.
    pub out_of_order: u64,
    /// Calls that an external service answered from its memory of idempotency keys.
    pub suppressed: u64,
    /// Messages settled by an ack.
    pub acked: u64,
    /// Of those: acks that came after the lease was over, of messages that stood ready.
    pub acked_late: u64,
    /// Publishes that the broker took for a message that it had before.
    pub swallowed: u64,
    /// Acks and nacks that came too late.
    pub stale: u64,
    /// Messages given back.
    pub nacked: u64,
    /// Leases that ran out.
    pub expired: u64,
    /// Messages put aside.
    pub dead_lettered: u64,
    /// Dead letters that were moved back.
    pub redriven: u64,
    /// Messages that a broker let go.
    pub dropped: u64,
    /// Operations confirmed, not dead-lettered, whose effect can no longer happen.
    pub lost: u64,
    /// Operations never confirmed, without effect, and it can no longer happen.
    pub missing: u64,
    /// Processes that died.
    pub crashes: u64,
}

impl Counts {
    /// Both together.
    pub fn add(&mut self, other: &Counts) {
        let sums: [(&mut u64, u64); 24] = [
            (&mut self.produced, other.produced),
            (&mut self.published, other.published),
            (&mut self.accepted, other.accepted),
            (&mut self.refused, other.refused),
            (&mut self.confirmed, other.confirmed),
            (&mut self.delivered, other.delivered),
            (&mut self.redelivered, other.redelivered),
            (&mut self.runs, other.runs),
            (&mut self.effects, other.effects),
            (&mut self.duplicates, other.duplicates),
            (&mut self.out_of_order, other.out_of_order),
            (&mut self.suppressed, other.suppressed),
            (&mut self.acked, other.acked),
            (&mut self.acked_late, other.acked_late),
            (&mut self.swallowed, other.swallowed),
            (&mut self.stale, other.stale),
            (&mut self.nacked, other.nacked),
            (&mut self.expired, other.expired),
            (&mut self.dead_lettered, other.dead_lettered),
            (&mut self.redriven, other.redriven),
            (&mut self.dropped, other.dropped),
            (&mut self.lost, other.lost),
            (&mut self.missing, other.missing),
            (&mut self.crashes, other.crashes),
        ];
        for (sum, n) in sums {
            *sum += n;
        }
    }
}

/// Why effects were applied twice: what made the operation's latest redelivery, and what its former holder was doing.
pub const CAUSES: &[&str] = &[
    "leases expired under a live handler",
    "leases expired under a paused process",
    "crashes",
    "nacks",
    "broker restarts",
    "producer's copies",
    "lost acks",
];

/// What one consumer did.
#[derive(Clone, Debug, Serialize)]
pub struct ConsumerReport {
    /// Its name.
    pub name: String,
    /// Counts of what this consumer did, and of what it was to do: what became of the operations that were published to
    /// its queue (`produced` to `confirmed`, `dead_lettered` from there, `dropped`, `lost`, `missing`).
    pub counts: Counts,
    /// Duplicates by cause, most first.
    pub duplicates_by_cause: Vec<CauseCount>,
    /// Lost operations by reason, most first.
    pub lost_by_reason: Vec<CauseCount>,
    /// From the moment a copy was stored to its first delivery.
    pub queueing: Latency,
    /// From the start to the end of each handler run that ended with its last step.
    pub handler: Latency,
    /// From the moment an operation was produced to its first effect (without effects: to its ack).
    pub end_to_end: Latency,
    /// The share of workers at work, on average over the time in which producers produced.
    pub utilisation: f64,
    /// Handler runs for each operation that had one.
    pub runs_per_operation: f64,
    /// First effects (without effects: acks) a second while producers produced.
    pub goodput_per_s: f64,
    /// What each guarantee about this consumer came to.
    pub guarantees: Vec<Finding>,
}

/// How often a cause was at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CauseCount {
    /// In words: "leases expired under a live handler".
    pub cause: String,
    /// How often.
    pub count: u64,
    /// The first operation that it befell.
    pub first_op: u32,
}

/// A distribution of lengths of time, in seconds; quantiles to three digits, the mean exact.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// How many were measured.
    pub count: u64,
    /// Their mean.
    pub mean_s: f64,
    /// The median.
    pub p50_s: f64,
    /// Nine in ten are no longer.
    pub p90_s: f64,
    /// 95 in 100.
    pub p95_s: f64,
    /// 99 in 100.
    pub p99_s: f64,
    /// 999 in 1,000.
    pub p999_s: f64,
    /// The longest.
    pub max_s: f64,
}

/// What one queue held.
#[derive(Clone, Debug, Serialize)]
pub struct QueueReport {
    /// Its name.
    pub name: String,
    /// Copies stored, dead letters among them.
    pub accepted: u64,
    /// Deliveries.
    pub delivered: u64,
    /// Messages put aside from here.
    pub dead_lettered: u64,
    /// Messages that it let go, dead letters that came in among them.
    pub dropped: u64,
    /// Ready messages at the end.
    pub depth: u64,
    /// In flight at the end.
    pub in_flight: u64,
    /// The most that were ready at once.
    pub max_depth: u64,
    /// Ready messages on average while producers produced.
    pub mean_depth: f64,
    /// In flight on average while producers produced.
    pub mean_in_flight: f64,
    /// The greatest age of the oldest unsettled message at a sample, in seconds.
    pub max_age_s: f64,
}

/// A queue over time: one value a sample.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    /// Which queue.
    pub queue: String,
    /// The time between samples, in seconds; the first sample is at that time.
    pub every_s: f64,
    /// Ready messages.
    pub depth: Vec<u64>,
    /// In flight.
    pub in_flight: Vec<u64>,
    /// Accepted and not yet settled: both together.
    pub lag: Vec<u64>,
    /// The age of the oldest unsettled message, in seconds.
    pub oldest_age_s: Vec<f64>,
    /// Operations of this queue whose first effect fell between the last sample and this one.
    pub effects: Vec<u64>,
    /// Duplicate effects between the last sample and this one.
    pub duplicates: Vec<u64>,
}

/// A stretch of time in which a fault was at work.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FaultBand {
    /// "capture-1 crashed", "capture-2 paused", "payments down".
    pub what: String,
    /// Its start, in seconds.
    pub from_s: f64,
    /// Its end, in seconds.
    pub to_s: f64,
}

/// What a guarantee came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Its id in the catalogue: "A3".
    pub id: &'static str,
    /// Its name in expectations: "effects at-most-once".
    pub name: &'static str,
    /// What it came to.
    pub verdict: Verdict,
    /// How many subjects (operations, keys, deliveries) were checked.
    pub checked: u64,
    /// How often it was violated.
    pub violations: u64,
    /// The operation of the first violation.
    pub first_op: Option<u32>,
    /// The moment of the first violation, in seconds.
    pub first_at_s: Option<f64>,
    /// What was missing, where undecided.
    pub missing: Option<String>,
}

/// Holds within what was seen, violated, or undecided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Seen, and never violated.
    Holds,
    /// Violated at least once.
    Violated,
    /// What it is about never occurred, or the run was cut short.
    Undecided,
}
