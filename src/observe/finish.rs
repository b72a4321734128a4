//! What a run came to: the ledger's books turned into a report.
//!
//! It decides the verdicts, and knows neither what was expected nor how it will be shown. Nothing is concluded from what
//! was not seen: a guarantee without its subject, one that something still stored may yet break or keep, and every one
//! of a run that was cut short is undecided unless it is violated already.

use super::guarantees::{self, GUARANTEES, Guarantee, Id, OpState, REASONS};
use super::judge::Judge;
use super::records::{At, ConsumerBook, QueueBook, Tally};
use super::report::{CAUSES, CauseCount, ConsumerReport, Counts, Finding, QueueReport, Report, Verdict};
use crate::sim::Time;

/// What the words of the operations whose home a queue is say at the end.
#[derive(Clone, Copy, Debug, Default)]
struct Census {
    produced: u64,
    /// Handler runs, of operations with a key that others share.
    keyed_runs: u64,
    delivered: u64,
    started: u64,
    stored: u64,
    dead: u64,
    still_stored: u64,
    /// May still be delivered.
    undelivered: u64,
    /// Confirmed, and may still end.
    unsettled: u64,
    /// Stored, and may still end.
    endless: u64,
}

impl Census {
    /// Counts `n` operations in this state. Of one that was routed elsewhere nothing is counted.
    fn count(&mut self, op: OpState, n: u64) {
        let mut count = |sum: fn(&mut Census) -> &mut u64, yes: bool| *sum(self) += if yes { n } else { 0 };
        count(|c| &mut c.produced, !op.is_elsewhere());
        count(|c| &mut c.delivered, op.has(OpState::DELIVERED_ONCE));
        count(|c| &mut c.started, op.has(OpState::STARTED_ONCE));
        count(|c| &mut c.stored, op.has(OpState::STORED_ONCE));
        count(|c| &mut c.dead, op.has(OpState::DEAD_ONCE));
        count(|c| &mut c.still_stored, op.is_alive() && !op.has(OpState::DEAD_ONCE));
        count(|c| &mut c.undelivered, guarantees::undelivered_yet(op));
        count(|c| &mut c.unsettled, guarantees::unsettled_yet(op));
        count(|c| &mut c.endless, op.has(OpState::STORED_ONCE) && guarantees::endless_yet(op));
    }
}

/// What is known of a guarantee over some subjects.
#[derive(Clone, Copy, Debug, Default)]
struct Evidence {
    checked: u64,
    broken: Tally,
    /// Subjects that may yet break or keep it.
    open: u64,
}

impl Evidence {
    fn add(&mut self, other: Evidence) {
        self.checked += other.checked;
        self.broken.add(other.broken);
        self.open += other.open;
    }

    /// Exactly once is at most once and at least once. They have no violation in common.
    fn both(self, other: Evidence) -> Evidence {
        let mut both = self;
        both.add(other);
        Evidence { checked: self.checked.max(other.checked), ..both }
    }

    fn finding(self, guarantee: &Guarantee, cut: Option<&str>) -> Finding {
        let (verdict, missing) = if self.broken.count > 0 {
            (Verdict::Violated, None)
        } else if let Some(why) = cut {
            (Verdict::Undecided, Some(format!("the run was cut short: {why}")))
        } else if self.checked == 0 {
            (Verdict::Undecided, Some(format!("it never occurred that {}", guarantee.subject)))
        } else if self.open > 0 {
            (Verdict::Undecided, Some(format!("still stored or at work at the end: {}", self.open)))
        } else {
            (Verdict::Holds, None)
        };
        let first = self.broken.first;
        Finding {
            id: guarantee.id,
            name: guarantee.name,
            verdict,
            checked: self.checked,
            violations: self.broken.count,
            first_op: first.map(|f| f.op),
            first_at_s: first.map(|f| f.at.as_secs_f64()),
            missing,
        }
    }
}

/// About the operations whose home a queue is.
fn of_queue(id: Id, book: &QueueBook, census: &Census) -> Evidence {
    let counts = &book.metrics.counts;
    let (checked, open) = match id {
        Id::A1 => (census.delivered, 0),
        Id::A2 => (census.started, 0),
        Id::A4 => (counts.confirmed, census.undelivered),
        Id::A5 => (counts.confirmed, census.unsettled),
        Id::A9 => (census.stored, 0),
        Id::B5 => (census.keyed_runs, 0),
        Id::D1 => (counts.confirmed, 0),
        Id::E1 => (census.stored, census.endless),
        Id::E2 => (book.metrics.spent, 0),
        Id::E4 => (census.dead, 0),
        Id::A3 | Id::A7 | Id::B4 | Id::C3 | Id::C6 => return Evidence::default(),
    };
    Evidence { checked, broken: book.broken[id as usize], open }
}

/// About what a consumer did.
fn of_consumer(id: Id, book: &ConsumerBook, sites: u64) -> Evidence {
    let counts = &book.metrics.counts;
    let checked = match id {
        Id::A3 => counts.effects - counts.duplicates,
        Id::B4 => book.metrics.first_in_key,
        Id::C3 => counts.effects,
        Id::C6 if sites != 0 => counts.acked,
        _ => 0,
    };
    Evidence { checked, broken: book.broken[id as usize], open: 0 }
}

/// By count, most first; where equal, in the order of the words.
fn by_cause(words: &[&str], tallies: &[Tally]) -> Vec<CauseCount> {
    let mut causes: Vec<CauseCount> = words
        .iter()
        .zip(tallies)
        .filter_map(|(&cause, tally)| {
            Some(CauseCount { cause: cause.to_owned(), count: tally.count, first_op: tally.first?.op })
        })
        .collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.count));
    causes
}

impl Judge {
    /// The run is over: its last event was at `end`; `cut` says why it was cut short, if it was.
    pub fn finish(mut self, end: Time, cut: Option<String>) -> Report {
        self.wake(end);
        if !self.window.is_over() {
            self.producing_ends(end);
        }
        let stop = self.window.end();
        let mut censuses = vec![Census::default(); self.queues.len()];
        let produced = self.ops.produced() >> self.roles.shift;
        for &(state, n) in self.ops.words() {
            censuses[self.roles.home(state).at()].count(state, n);
        }
        for (book, census) in self.queues.iter_mut().zip(&censuses) {
            book.metrics.counts.produced = census.produced;
            book.metrics.counts.published += census.produced;
        }
        for run in self.deliveries.iter().filter(|delivery| delivery.at == At::Running) {
            self.consumers[usize::from(run.consumer)].metrics.cut_runs += 1;
        }
        for (worker, acks) in self.acks.iter().enumerate() {
            self.consumers[self.roles.consumer(worker as u32)].metrics.counts.acked += acks;
        }
        for book in &mut self.consumers {
            book.metrics.complete(book.sites != 0);
        }
        for (book, role) in self.consumers.iter().zip(&self.roles.consumers) {
            censuses[role.from.at()].keyed_runs += book.metrics.keyed_runs;
        }
        let mut counts = Counts::default();
        for book in &self.queues {
            counts.add(&book.metrics.counts);
        }
        for book in &self.consumers {
            counts.add(&book.metrics.counts);
        }
        // Once, however many queues an operation is routed to.
        counts.published = (counts.published - counts.produced + produced).saturating_add_signed(-self.again.published);
        counts.confirmed = counts.confirmed.saturating_add_signed(-self.again.confirmed);
        counts.produced = produced;
        let guarantees = GUARANTEES
            .iter()
            .zip(Id::ALL)
            .map(|(guarantee, &id)| self.overall(id, &censuses).finding(guarantee, cut.as_deref()))
            .collect();
        let consumers = (0..self.consumers.len()).map(|c| self.consumer(c, &censuses, stop, cut.as_deref())).collect();
        let queues = (0..self.queues.len()).map(|q| self.queue(q, stop)).collect();
        let (faults, more_faults) = self.bands.report(&self.plan, end);
        Report {
            seed: self.seed,
            end_s: end.as_secs_f64(),
            produced_for_s: stop.as_secs_f64(),
            cut,
            still_stored: censuses.iter().map(|c| c.still_stored).sum(),
            counts,
            consumers,
            queues,
            guarantees,
            series: self.sampler.series(self.plan.queues.iter().map(|q| q.name.as_str())),
            faults,
            more_faults,
            fingerprint: self.fingerprint.digits(),
        }
    }

    fn overall(&self, id: Id, censuses: &[Census]) -> Evidence {
        if id == Id::A7 {
            return self.overall(Id::A3, censuses).both(self.overall(Id::A5, censuses));
        }
        let mut all = Evidence::default();
        for (book, census) in self.queues.iter().zip(censuses) {
            all.add(of_queue(id, book, census));
        }
        for (book, role) in self.consumers.iter().zip(&self.roles.consumers) {
            all.add(of_consumer(id, book, role.sites));
        }
        all
    }

    /// At least once is about what was published to the consumer's queue, the others about what the consumer did.
    fn of_consumer(&self, id: Id, c: usize, censuses: &[Census]) -> Evidence {
        let from = self.roles.consumers[c].from.at();
        match id {
            Id::A5 => of_queue(id, &self.queues[from], &censuses[from]),
            Id::A7 => self.of_consumer(Id::A3, c, censuses).both(self.of_consumer(Id::A5, c, censuses)),
            _ => of_consumer(id, &self.consumers[c], self.roles.consumers[c].sites),
        }
    }

    fn consumer(&self, c: usize, censuses: &[Census], stop: Time, cut: Option<&str>) -> ConsumerReport {
        let (role, book) = (self.roles.consumers[c], &self.consumers[c]);
        let metrics = &book.metrics;
        let queue = &self.queues[role.from.at()];
        let mut counts = metrics.counts.clone();
        counts.add(&queue.metrics.counts);
        let busy = if stop == Time::ZERO { 0.0 } else { metrics.worked_in_time as f64 / stop.nanos() as f64 };
        let per = |n: u64, of: f64| if of == 0.0 { 0.0 } else { n as f64 / of };
        ConsumerReport {
            name: self.plan.consumers[c].name.clone(),
            duplicates_by_cause: by_cause(CAUSES, &book.causes),
            lost_by_reason: by_cause(&REASONS, &queue.lost),
            queueing: metrics.queueing.latency(),
            handler: metrics.handler.latency(),
            end_to_end: metrics.end_to_end.latency(),
            utilisation: busy / f64::from(role.workers),
            runs_per_operation: per(counts.runs, (counts.runs - metrics.reruns) as f64),
            goodput_per_s: per(metrics.done_in_time, stop.as_secs_f64()),
            guarantees: GUARANTEES
                .iter()
                .zip(Id::ALL)
                .filter(|(guarantee, _)| guarantee.by_consumer)
                .map(|(guarantee, &id)| self.of_consumer(id, c, censuses).finding(guarantee, cut))
                .collect(),
            counts,
        }
    }

    fn queue(&self, q: usize, stop: Time) -> QueueReport {
        let metrics = &self.queues[q].metrics;
        let readers = self.roles.consumers.iter().zip(&self.consumers).filter(|(role, _)| role.from.at() == q);
        QueueReport {
            name: self.plan.queues[q].name.clone(),
            accepted: metrics.counts.accepted + metrics.moved_in,
            delivered: readers.map(|(_, book)| book.metrics.counts.delivered).sum(),
            dead_lettered: metrics.counts.dead_lettered,
            dropped: metrics.counts.dropped,
            depth: metrics.depth.value,
            in_flight: metrics.in_flight.value,
            max_depth: metrics.max_depth,
            mean_depth: metrics.depth.mean(stop),
            mean_in_flight: metrics.in_flight.mean(stop),
            max_age_s: metrics.max_age_s,
        }
    }
}
