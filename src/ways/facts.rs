//! Facts as JSON lines: every fact of a run, in order, one a line.
//!
//! It writes to whatever it is given and knows no file. Queues, producers, processes and workers are numbers, as in the
//! facts themselves; the first line says their names. A moment or a length of time is in nanoseconds. Rule: what could
//! not be written is an error at the end, never a shorter file.
//!
//! The lines are put together by hand, from constant texts and numbers, in a buffer of a fixed length: nine facts an
//! operation would otherwise take far longer to write than to happen. They are, byte for byte, what `serde_json` makes of
//! the facts; the test below holds every kind against it.
//!
//! ```json
//! {"t":0,"fact":"names","queues":["payments"],"producers":["checkout"],"processes":[{"name":"capture-1","first_worker":0,"workers":16}]}
//! {"t":4187000,"fact":"produced","op":0,"key":3,"producer":0,"poison":false}
//! ```

use std::io::{self, Write};

use serde::Serialize;

use crate::model::fact::{Cause, DropReason, Held, Holder, Refusal, RunEnd};
use crate::model::plan::{ProducerId, QueueId};
use crate::model::{Fact, Stage, Watch};
use crate::sim::{Span, Time};

/// So much is kept before it is written.
const BUFFER: usize = 1 << 16;
/// No line is longer, nor what is stored past its end.
const LONGEST: usize = 512;

/// A watcher that writes.
#[derive(Debug)]
pub struct FactLines<W> {
    to: W,
    lines: Lines,
    /// The first error; nothing is written after it.
    failed: Option<io::Error>,
}

#[derive(Serialize)]
struct Names<'a> {
    t: Time,
    fact: &'static str,
    queues: Vec<&'a str>,
    producers: Vec<&'a str>,
    processes: Vec<Process>,
}

#[derive(Serialize)]
struct Process {
    name: String,
    first_worker: u32,
    workers: u32,
}

impl<W: Write> FactLines<W> {
    /// A writer of the facts of this stage's worlds; the names come first.
    pub fn new(stage: &Stage, mut to: W) -> FactLines<W> {
        let plan = &stage.plan;
        let process = |(number, of): (usize, &crate::model::Process)| Process {
            name: stage.plan.instance_name(number as u32),
            first_worker: of.first_worker,
            workers: of.workers,
        };
        let names = Names {
            t: Time::ZERO,
            fact: "names",
            queues: plan.queues.iter().map(|queue| queue.name.as_str()).collect(),
            producers: plan.producers.iter().map(|producer| producer.name.as_str()).collect(),
            processes: stage.processes().iter().enumerate().map(process).collect(),
        };
        let named = serde_json::to_vec(&names).map_err(io::Error::from);
        let failed = named.and_then(|line| to.write_all(&[&line, b"\n".as_slice()].concat())).err();
        FactLines { to, lines: Lines { bytes: vec![0; BUFFER + LONGEST], end: 0 }, failed }
    }

    #[cold]
    fn empty(&mut self) {
        if self.failed.is_none() {
            self.failed = self.to.write_all(self.lines.text()).err();
        }
        self.lines.end = 0;
    }

    /// Writes the rest and gives back what was written to.
    ///
    /// # Errors
    /// The first error of all the writing.
    pub fn finish(mut self) -> io::Result<W> {
        self.empty();
        match self.failed {
            Some(error) => Err(error),
            None => self.to.flush().map(|()| self.to),
        }
    }
}

impl<W: Write> Watch for FactLines<W> {
    fn fact(&mut self, now: Time, fact: &Fact) {
        self.lines.line(now, fact);
        if self.lines.end >= BUFFER {
            self.empty();
        }
    }
}

/// Lines in the making.
#[derive(Debug)]
struct Lines {
    bytes: Vec<u8>,
    end: usize,
}

/// The rest of a line: the fact's name, and its fields by their names.
macro_rules! rest {
    ($lines:ident, $name:literal, $($field:ident)*) => {{
        $lines.put(concat!(",\"fact\":\"", $name, "\""));
        $($lines.put(concat!(",\"", stringify!($field), "\":")); $field.write($lines);)*
        $lines.put("}\n");
    }};
}

impl Lines {
    fn text(&self) -> &[u8] {
        &self.bytes[..self.end]
    }

    #[inline(always)]
    fn put(&mut self, text: &'static str) {
        self.bytes[self.end..self.end + text.len()].copy_from_slice(text.as_bytes());
        self.end += text.len();
    }

    /// The last `8 - skipped` of eight digits, the first of which is the lowest byte.
    #[inline(always)]
    fn digits(&mut self, digits: u64, skipped: u32) {
        let text = (digits | 0x3030_3030_3030_3030) >> (8 * skipped);
        self.bytes[self.end..self.end + 8].copy_from_slice(&text.to_le_bytes());
        self.end += 8 - skipped as usize;
    }

    #[inline(always)]
    fn number(&mut self, number: u64) {
        const EIGHT: u64 = 100_000_000;
        if number < EIGHT {
            let digits = eight(number);
            return self.digits(digits, (digits.trailing_zeros() / 8).min(7));
        }
        self.number_of_more(number / EIGHT);
        self.digits(eight(number % EIGHT), 0);
    }

    /// What stands before the last eight digits.
    #[inline(never)]
    fn number_of_more(&mut self, number: u64) {
        self.number(number);
    }

    fn line(&mut self, t: Time, fact: &Fact) {
        use Fact::*;
        let l = self;
        l.put("{\"t\":");
        t.write(l);
        match *fact {
            Produced { op, key, producer, poison } => rest!(l, "produced", op key producer poison),
            Published { op, copy, queue } => rest!(l, "published", op copy queue),
            Accepted { op, copy, message, queue } => rest!(l, "accepted", op copy message queue),
            Refused { op, copy, queue, why } => rest!(l, "refused", op copy queue why),
            PassedBy { op, copy, queue, routed } => rest!(l, "passed-by", op copy queue routed),
            PacketLost { op, copy, queue } => rest!(l, "packet-lost", op copy queue),
            Confirmed { op } => rest!(l, "confirmed", op),
            Unconfirmed { op, copy } => rest!(l, "unconfirmed", op copy),
            GaveUp { op } => rest!(l, "gave-up", op),
            Delivered { held, message, queue, attempt, cause, holder, until } => {
                rest!(l, "delivered", held message queue attempt cause holder until);
            }
            Started { held, run } => rest!(l, "started", held run),
            Stepped { held, step, skip } => rest!(l, "stepped", held step skip),
            Waits { held, step } => rest!(l, "waits", held step),
            Effect { held, site, current } => rest!(l, "effect", held site current),
            Suppressed { held, site } => rest!(l, "suppressed", held site),
            Ended { held, how } => rest!(l, "ended", held how),
            Acked { held, message, queue } => rest!(l, "acked", held message queue),
            AckedLate { held, message, queue } => rest!(l, "acked-late", held message queue),
            Swallowed { op, copy, queue, of } => rest!(l, "swallowed", op copy queue of),
            Stale { held, queue } => rest!(l, "stale", held queue),
            Nacked { held, message, queue, delay } => rest!(l, "nacked", held message queue delay),
            Renewed { held, queue, until } => rest!(l, "renewed", held queue until),
            Expired { held, message, queue, holder } => rest!(l, "expired", held message queue holder),
            TakenBack { held, message, queue } => rest!(l, "taken-back", held message queue),
            DeadLettered { op, message, from, to, attempts, spent } => {
                rest!(l, "dead-lettered", op message from to attempts spent);
            }
            Redriven { op, message, from, to } => rest!(l, "redriven", op message from to),
            Dropped { op, message, queue, in_flight, why } => {
                rest!(l, "dropped", op message queue in_flight why);
            }
            Crashed { instance } => rest!(l, "crashed", instance),
            Restarted { instance } => rest!(l, "restarted", instance),
            Paused { instance } => rest!(l, "paused", instance),
            Resumed { instance } => rest!(l, "resumed", instance),
            Slowed { instance } => rest!(l, "slowed", instance),
            Quickened { instance } => rest!(l, "quickened", instance),
            BrokerDown { queue } => rest!(l, "broker-down", queue),
            BrokerUp { queue } => rest!(l, "broker-up", queue),
        }
    }
}

/// The digits of a number below 10^8, a byte each, the first one lowest: halved, and halved again, side by side.
#[inline(always)]
fn eight(number: u64) -> u64 {
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let twos = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((twos * 103) >> 10) & 0xf_000f_000f_000f;
    tens | ((twos - tens * 10) << 8)
}

/// What a field may hold.
trait Value {
    fn write(self, lines: &mut Lines);
}

macro_rules! values {
    ($($kind:ty: |$value:ident, $lines:ident| $write:expr;)*) => {
        $(impl Value for $kind {
            #[inline(always)]
            fn write(self, $lines: &mut Lines) {
                let $value = self;
                $write
            }
        })*
    };
}

values! {
    u8: |value, lines| lines.number(value.into());
    u16: |value, lines| lines.number(value.into());
    u32: |value, lines| lines.number(value.into());
    Time: |value, lines| lines.number(value.nanos());
    Span: |value, lines| lines.number(value.nanos());
    QueueId: |value, lines| value.0.write(lines);
    ProducerId: |value, lines| value.0.write(lines);
    bool: |value, lines| if value { lines.put("true") } else { lines.put("false") };
}

impl Value for Held {
    #[inline(always)]
    fn write(self, lines: &mut Lines) {
        let Held { op, key, delivery, worker } = self;
        lines.put("{\"op\":");
        op.write(lines);
        lines.put(",\"key\":");
        key.write(lines);
        lines.put(",\"delivery\":");
        delivery.write(lines);
        lines.put(",\"worker\":");
        worker.write(lines);
        lines.put("}");
    }
}

macro_rules! words {
    ($($kind:ident: $($variant:ident $word:literal)*;)*) => {
        $(impl Value for $kind {
            #[inline(always)]
            fn write(self, lines: &mut Lines) {
                match self {
                    $($kind::$variant => lines.put(concat!("\"", $word, "\"")),)*
                }
            }
        })*
    };
}

words! {
    Cause: First "first" Expired "expired" Nacked "nacked" BrokerRestart "broker-restart" ProducerCopy "producer-copy"
        Disconnected "disconnected";
    Holder: Nobody "nobody" Working "working" Paused "paused" Crashed "crashed" Done "done";
    RunEnd: Done "done" Failed "failed" Crashed "crashed";
    DropReason: BrokerCrash "broker-crash" MaxDeliveries "max-deliveries" Rejected "rejected" Expired "expired"
        MaxLength "max-length" Unroutable "unroutable" QueueDeleted "queue-deleted" Purged "purged";
    Refusal: MaxLength "max-length" Unroutable "unroutable" NoExchange "no-exchange";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Line<'a> {
        t: Time,
        #[serde(flatten)]
        fact: &'a Fact,
    }

    fn written(t: Time, fact: &Fact) -> String {
        let mut lines = Lines { bytes: vec![0; LONGEST], end: 0 };
        lines.line(t, fact);
        String::from_utf8(lines.text().to_vec()).expect("a text")
    }

    #[track_caller]
    fn same(t: Time, fact: &Fact) {
        assert_eq!(written(t, fact), serde_json::to_string(&Line { t, fact }).expect("a fact is JSON") + "\n");
    }

    /// Every kind of fact with these values, and every word of every field.
    fn facts(n: u64) -> Vec<Fact> {
        use Fact::*;
        let (op, message, instance) = (n as u32, (n >> 7) as u32, (n >> 3) as u32);
        let (copy, attempt, run, attempts) = (n as u16, n as u16, (n >> 5) as u16, (n >> 2) as u16);
        let (step, site, skip, poison) = (n as u8, (n >> 1) as u8, n & 1 == 0, n & 2 == 0);
        let (queue, producer, key) = (QueueId(n as u16), ProducerId((n >> 9) as u16), (n >> 11) as u32);
        let held = Held { op, key, delivery: (n >> 13) as u32, worker: (n >> 17) as u32 };
        let (until, delay) = (Time::from_nanos(n.rotate_left(17)), Span::from_nanos(n.rotate_left(31)));
        let (why, current, in_flight, from, to) = (Refusal::MaxLength, skip, poison, queue, QueueId(!queue.0));
        let mut facts = vec![
            Produced { op, key, producer, poison },
            Published { op, copy, queue },
            Accepted { op, copy, message, queue },
            Refused { op, copy, queue, why },
            PassedBy { op, copy, queue, routed: skip },
            PacketLost { op, copy, queue },
            Confirmed { op },
            Unconfirmed { op, copy },
            GaveUp { op },
            Started { held, run },
            Stepped { held, step, skip },
            Waits { held, step },
            Effect { held, site, current },
            Suppressed { held, site },
            Acked { held, message, queue },
            AckedLate { held, message, queue },
            Swallowed { op, copy, queue, of: message },
            Stale { held, queue },
            Nacked { held, message, queue, delay },
            Renewed { held, queue, until },
            TakenBack { held, message, queue },
            DeadLettered { op, message, from, to, attempts, spent: true },
            Redriven { op, message, from, to },
            Crashed { instance },
            Restarted { instance },
            Paused { instance },
            Resumed { instance },
            Slowed { instance },
            Quickened { instance },
            BrokerDown { queue },
            BrokerUp { queue },
        ];
        for holder in [Holder::Nobody, Holder::Working, Holder::Paused, Holder::Crashed, Holder::Done] {
            facts.push(Expired { held, message, queue, holder });
            let causes = [Cause::First, Cause::Expired, Cause::Nacked, Cause::BrokerRestart, Cause::ProducerCopy];
            let delivered = |cause| Delivered { held, message, queue, attempt, cause, holder, until };
            facts.extend(causes.map(delivered));
        }
        facts.extend([RunEnd::Done, RunEnd::Failed, RunEnd::Crashed].map(|how| Ended { held, how }));
        let reasons = [DropReason::BrokerCrash, DropReason::MaxDeliveries, DropReason::Expired, DropReason::Purged];
        facts.extend(reasons.map(|why| Dropped { op, message, queue, in_flight, why }));
        facts
    }

    #[test]
    fn a_line_is_what_serde_makes_of_the_fact() {
        let tens = (0..20).map(|zeros| 10_u64.pow(zeros));
        let edges = tens.flat_map(|ten| [ten - 1, ten, ten + 1]).chain([u64::MAX - 1, u64::MAX]);
        let mixed = (1..500_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (n % 64));
        for n in edges.chain(mixed) {
            for fact in facts(n) {
                same(Time::from_nanos(n), &fact);
            }
        }
    }

    #[test]
    fn eight_digits_are_right_for_every_half() {
        for half in 0..10_000 {
            let digits = |number| String::from_utf8((eight(number) | 0x3030_3030_3030_3030).to_le_bytes().into());
            assert_eq!(digits(half), Ok(format!("{half:08}")));
            assert_eq!(digits(half * 10_001), Ok(format!("{half:04}{half:04}")));
        }
    }

    #[test]
    fn the_longest_line_fits_with_eight_bytes_to_spare() {
        let longest = facts(u64::MAX).iter().map(|fact| written(Time::from_nanos(u64::MAX), fact).len()).max();
        assert!(longest < Some(LONGEST - 8), "{longest:?}");
    }
}
