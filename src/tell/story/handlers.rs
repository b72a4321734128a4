//! Handlers in a story: what they do with what they hold, and where a crash finds them.
//!
//! A crash is told by what was done and what was not: `crashes after effect 1, before its ack`.

use super::teller::{Handling, Teller, Who};
use crate::model::fact::{Fact, Held, Holder, RunEnd};
use crate::model::plan::{QueueId, Step};
use crate::sim::Time;

impl Teller<'_> {
    /// What the holder of an expired lease was doing.
    pub(super) fn holder_words(&mut self, now: Time, held: Held, holder: Holder) -> String {
        let name = self.plan.worker_name(held.worker);
        let handling = self.handling(now, held);
        let handling = &mut self.handlings[handling];
        let mut words = match holder {
            Holder::Nobody => String::new(),
            Holder::Working if !handling.started => format!("{name} has not begun"),
            Holder::Working => format!("{name} still working"),
            Holder::Paused => format!("{name} stands still"),
            Holder::Crashed => format!("{name} has crashed"),
            Holder::Done => format!("{name} has ended"),
        };
        if handling.renewed > 0 {
            words = format!("{words}; {}", renewals(std::mem::take(&mut handling.renewed)));
        }
        words
    }

    /// What a handler does with what it holds.
    pub(super) fn of_handler(&mut self, now: Time, subject: usize, fact: Fact) {
        match fact {
            Fact::Started { held, .. } => {
                let handling = self.handling(now, held);
                let home = self.handlings[handling].home;
                self.subjects[subject].runs.push(home);
                self.handlings[handling].started = true;
                // What a process received for all its workers is the one's that begins.
                self.handlings[handling].held = held;
                if self.ruler.stamp(self.handlings[handling].since) != self.ruler.stamp(now) {
                    self.does(now, handling, "begins", "", None);
                }
            }
            Fact::Stepped { held, step, skip } => self.stepped(now, subject, held, step, skip),
            Fact::Waits { held, .. } => {
                let handling = self.handling(now, held);
                let other = self.handlings.iter().find(|other| {
                    other.held.op == held.op && other.in_transaction && other.held.worker != held.worker && !other.ended
                });
                let whose = other.map(|other| format!("{} has its key", self.plan.worker_name(other.held.worker)));
                self.does(now, handling, "waits for a transaction", &whose.unwrap_or_default(), None);
            }
            Fact::Effect { held, site, .. } => {
                let handling = self.handling(now, held);
                let this = (self.handlings[handling].home, site);
                let effects = &mut self.subjects[subject].effects;
                effects.push(this);
                let mut what = format!("effect {}", effects.iter().filter(|&&effect| effect == this).count());
                if self.sites > 1 {
                    let store = self.plan.effects()[usize::from(site)];
                    what = format!("{what} on {}", self.plan.stores[store.at()].name);
                }
                self.passed(handling, |step| matches!(step, Step::Effect { site: this, .. } if *this == site));
                self.does(now, handling, &what, "", Some(&what));
            }
            Fact::Suppressed { held, site } => {
                let handling = self.handling(now, held);
                let store = self.plan.effects()[usize::from(site)];
                let detail = format!("{} knows its key", self.plan.stores[store.at()].name);
                self.passed(handling, |step| matches!(step, Step::Effect { site: this, .. } if *this == site));
                self.does(now, handling, "call suppressed", &detail, Some("its call"));
            }
            Fact::Ended { held, how } => self.ended(now, held, how),
            Fact::Renewed { held, .. } => {
                let handling = self.handling(now, held);
                self.handlings[handling].renewed += 1;
            }
            Fact::Acked { held, message, queue } => {
                self.copies.retain(|copy| copy.message != message);
                self.settled(now, held, queue, ", ", ["ack", "takes the ack of"], "");
            }
            Fact::AckedLate { held, message, queue } => {
                self.copies.retain(|copy| copy.message != message);
                self.settled(
                    now,
                    held,
                    queue,
                    ", ",
                    ["ack, just in time", "takes the late ack of"],
                    "it stood ready again",
                );
            }
            Fact::Stale { held, queue } => {
                let handling = self.handling(now, held);
                let what = if self.handlings[handling].failed { "nack" } else { "ack" };
                let (here, there) = (format!("its {what} is stale"), format!("ignores the {what} of"));
                self.settled(now, held, queue, "; ", [&here, &there], "");
            }
            Fact::Nacked { held, queue, delay, .. } => {
                let detail = self.ruler.span(delay).map(|delay| format!("ready again after {delay}"));
                let words = ["gives it back", "gets it back from"];
                self.settled(now, held, queue, ", ", words, &detail.unwrap_or_default());
            }
            _ => {}
        }
    }

    /// What a settlement came to: said by the worker where nothing lies between, else by the queue.
    fn settled(&mut self, now: Time, held: Held, queue: QueueId, joint: &str, words: [&str; 2], detail: &str) {
        let handling = self.handling(now, held);
        self.passed(handling, |step| *step == Step::Ack);
        let renewed = std::mem::take(&mut self.handlings[handling].renewed);
        let renewed = if renewed > 0 { renewals(renewed) } else { String::new() };
        let detail = if detail.is_empty() { &renewed } else { detail };
        if self.is_wired(held.worker) {
            let what = format!("{} {}", words[1], self.plan.worker_name(held.worker));
            return self.say(now, held.op, Who::Queue(queue), &what, detail);
        }
        let handling = &mut self.handlings[handling];
        handling.done = Some("its ack".into());
        if let Some(quiet) = handling.quiet.take() {
            self.say(now, held.op, Who::Worker(held.worker), quiet, "");
        }
        self.join(now, held.op, Who::Worker(held.worker), joint, words[0], detail);
    }

    fn stepped(&mut self, now: Time, subject: usize, held: Held, step: u8, skip: bool) {
        let handling = self.handling(now, held);
        self.handlings[handling].next = usize::from(step) + 1;
        let home = self.handlings[handling].home;
        let again = self.subjects[subject].runs.iter().filter(|&&of| of == home).count() > 1;
        match (self.steps(held.worker).get(usize::from(step)), skip) {
            (Some(Step::Seen(_)), true) => self.does(now, handling, "seen? yes", "", None),
            // It is no news in the first run.
            (Some(Step::Seen(_)), false) => self.handlings[handling].quiet = again.then_some("seen? no"),
            (Some(Step::Mark(_)), true) => {
                self.handlings[handling].in_transaction = false;
                self.does(now, handling, "its key is there already, rolls back", "", Some("its rollback"));
            }
            (Some(Step::Mark(_)), false) if self.handlings[handling].in_transaction => {
                self.does(now, handling, "inserts its key", "", None);
            }
            (Some(Step::Mark(_)), false) => self.does(now, handling, "mark", "", Some("its mark")),
            (Some(Step::Begin(_)), _) => self.handlings[handling].in_transaction = true,
            (Some(Step::Commit(_)), _) => {
                self.handlings[handling].in_transaction = false;
                self.does(now, handling, "commit", "", Some("its commit"));
            }
            _ => {}
        }
    }

    /// The handler has the next step of this kind behind it.
    fn passed(&mut self, handling: usize, is: impl Fn(&Step) -> bool) {
        let steps = self.steps(self.handlings[handling].held.worker);
        let handling = &mut self.handlings[handling];
        if let Some(at) = steps.iter().skip(handling.next).position(is) {
            handling.next += at + 1;
        }
    }

    fn ended(&mut self, now: Time, held: Held, how: RunEnd) {
        let handling = self.handling(now, held);
        self.handlings[handling].ended = true;
        match how {
            RunEnd::Done => {}
            RunEnd::Failed => {
                self.handlings[handling].failed = true;
                self.does(now, handling, "fails", "", None);
            }
            RunEnd::Crashed => {
                let words = self.crash_words(now, handling);
                self.handlings[handling].quiet = None;
                self.does(now, handling, &words, "", None);
            }
        }
    }

    /// Where a crash fell: `crashes after effect 1, before its ack`.
    fn crash_words(&self, now: Time, handling: usize) -> String {
        let handling = &self.handlings[handling];
        let stamp = self.ruler.stamp(now);
        // What it did in the same moment stands in the same line already.
        let is_said = self.lines.last().is_some_and(|line| {
            line.who == Who::Worker(handling.held.worker)
                && line.op == handling.held.op
                && self.ruler.stamp(line.at) == stamp
        });
        if handling.in_transaction {
            return "crashes, its transaction rolls back".into();
        }
        let steps = self.steps(handling.held.worker);
        // A foreign handler's steps are a list of what it may do, in no order.
        let ordered = !steps.contains(&Step::Point);
        let next = steps.get(handling.next).filter(|_| ordered);
        let before = match next {
            Some(Step::Ack) if self.is_wired(handling.held.worker) => None,
            Some(Step::Work(_)) => Some(" at work".to_owned()),
            Some(Step::Seen(_)) => Some(" before it asks".to_owned()),
            Some(Step::Begin(_)) => Some(" before its transaction".to_owned()),
            Some(step) => Some(format!(" before its {}", step.word())),
            None => None,
        };
        let after = handling.done.as_ref().filter(|_| !is_said).map(|done| format!(" after {done}"));
        let joint = if after.is_some() && before.is_some() { "," } else { "" };
        format!("crashes{}{joint}{}", after.unwrap_or_default(), before.unwrap_or_default())
    }

    pub(super) fn tell_holders(&mut self, now: Time, instance: u32, words: impl Fn(&Handling) -> Option<&'static str>) {
        let of = |handling: &&Handling| !handling.ended && self.instance_of[handling.held.worker as usize] == instance;
        let told: Vec<_> = self.handlings.iter().filter(of).filter_map(|h| Some((h.held, words(h)?))).collect();
        for (held, words) in told {
            self.say(now, held.op, Who::Worker(held.worker), words, "");
        }
    }
}

fn renewals(n: u32) -> String {
    if n == 1 { "renewed once".into() } else { format!("renewed {n} times") }
}
