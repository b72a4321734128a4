//! One law under random scripts: a message is in exactly one place, and nothing is counted that is not there.

use std::collections::BTreeSet;

use super::*;
use crate::model::broker;
use crate::model::plan::{Arrivals, Consumer, Plan, Producer, ProducerId, Queue, QueueId, Step};
use crate::model::records::Records;
use crate::model::rig::{Heard, Rig};
use crate::model::stage::Stage;
use crate::model::text::Text;
use crate::sim::Span;
use crate::sim::oracle::mix;

const CHANNELS: u32 = 3;
const QUEUES: u16 = 5;
const MESSAGES: u16 = 400;

/// Numbers as they come.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mix(self.0) % sides
    }
    fn maybe<T>(&mut self, value: T) -> Option<T> {
        (self.roll(3) == 0).then_some(value)
    }
}

fn some_queue(version: Version, dice: &mut Dice) -> Settings {
    let family = if dice.roll(2) == 0 { Family::Classic } else { Family::Quorum };
    let classic = family == Family::Classic;
    let overflow = [Overflow::DropHead, Overflow::RejectPublish, Overflow::RejectPublishDlx];
    let overflow = overflow[dice.roll(if classic { 3 } else { 2 }) as usize];
    let sure = !classic && overflow == Overflow::RejectPublish && dice.roll(2) == 0;
    let target = format!("q{}", dice.roll(u64::from(QUEUES)));
    let key = dice.maybe(target);
    Settings {
        family,
        version,
        durable: !classic || dice.roll(3) > 0,
        auto_delete: classic && dice.roll(4) == 0,
        dead_letter: dice.maybe(DeadLetter {
            exchange: None,
            key,
            to: None,
            strategy: if sure { Strategy::AtLeastOnce } else { Strategy::AtMostOnce },
        }),
        message_ttl: dice.maybe(Span::from_millis(300)),
        expires: dice.maybe(Span::from_millis(900)).filter(|_| dice.roll(3) == 0),
        max_length: dice.maybe(4),
        max_length_bytes: dice.maybe(700),
        overflow,
        max_priority: dice.maybe(5).filter(|_| classic),
        delivery_limit: dice.maybe(1).filter(|_| !classic),
        single_active_consumer: dice.roll(3) == 0,
        delayed_retry: dice
            .maybe(Retry { failed: true, returned: true, min: Span::from_millis(50), max: Span::from_millis(200) })
            .filter(|_| !classic && version == Version::V4_3),
        ..Settings::default()
    }
}

fn some_plan(version: Version, dice: &mut Dice) -> Plan {
    let mut plan = Plan::new("a random script");
    for number in 0..QUEUES {
        let settings = broker::Settings::Rabbitmq(some_queue(version, dice));
        plan.queues.push(Queue { name: format!("q{number}"), settings });
    }
    for number in 0..MESSAGES {
        let envelope = Envelope {
            exchange: dice.maybe(0),
            key: Some(Text::fixed(&format!("q{}", dice.roll(u64::from(QUEUES))))),
            expiration: dice.maybe(100),
            priority: Some(dice.roll(10) as u8),
            persistent: dice.roll(2) == 0,
            ..Envelope::default()
        };
        let producer = Producer::new(&format!("{number:05}"), QueueId(0), Arrivals::AtOnce { count: 1 });
        plan.producers.push(Producer { message: Some(broker::Envelope::Rabbitmq(envelope)), ..producer });
    }
    for channel in 0..CHANNELS {
        for name in 0..QUEUES {
            for _ in 0..3 {
                let subscription = Subscription {
                    channel: Some(channel),
                    tag: Some(channel * u32::from(QUEUES) + u32::from(name)),
                    name: Some(name),
                    prefetch: dice.roll(3) as u16,
                    auto_ack: dice.roll(6) == 0,
                    exclusive: dice.roll(8) == 0,
                    priority: dice.roll(2) as i32,
                    timeout: None,
                    misfit: false,
                };
                let consumer = Consumer::new(&format!("{:05}", plan.consumers.len()), QueueId(name), vec![Step::Ack]);
                let subscription = Some(broker::Subscription::Rabbitmq(subscription));
                plan.consumers.push(Consumer { subscription, ..consumer });
            }
        }
    }
    let binding = |name: u16| Binding { from: 0, to: Bound::Queue(name), key: format!("q{name}"), args: Vec::new() };
    plan.topology.rabbitmq = Topology {
        version,
        script: true,
        names: (0..QUEUES).map(|name| format!("q{name}")).collect(),
        named: (0..QUEUES).collect(),
        exchange_names: vec!["x".into()],
        exchanges: vec![Exchange {
            name: 0,
            kind: ExchangeKind::Fanout,
            durable: true,
            alternate: None,
            hash_header: None,
        }],
        bindings: (0..QUEUES).map(binding).collect(),
    };
    plan
}

/// Every entry that the machine knows, wherever it is.
fn places(machine: &Machine, rig: &Rig<'_>, stage: &Stage) -> Vec<u32> {
    let records = rig.records();
    let mut all = Vec::new();
    for queue in stage.plan.queue_ids() {
        let state = &machine.queues[queue.at()];
        all.extend(state.returns.iter().chain(state.levels.iter()));
        all.extend(state.retained.iter().map(|&(entry, _)| entry));
        all.extend(rig.delayed(queue));
        let held = machine.current_of(queue).into_iter().map(|it| &records.deliveries[it]);
        all.extend(held.filter(|it| it.current).map(|it| it.entry));
    }
    all
}

fn check(machine: &Machine, rig: &Rig<'_>, stage: &Stage, records: &Records) {
    let all = places(machine, rig, stage);
    let distinct: BTreeSet<u32> = all.iter().copied().collect();
    assert_eq!(all.len(), distinct.len(), "an entry is in one place");
    assert_eq!(all.len(), records.entries.len(), "every entry is in some place");
    let messages: BTreeSet<u32> = all.iter().map(|&entry| records.entries[entry].message).collect();
    assert_eq!(messages.len(), all.len(), "every entry has a message of its own");
    assert_eq!(records.messages.len(), all.len(), "and no message is without an entry");
    let unacked = machine.all_unacked().count();
    assert_eq!(records.deliveries.len(), unacked, "a delivery is unacknowledged on some channel, or a ghost has it");
}

fn some_command(dice: &mut Dice, workers: u32) -> Command {
    let (channel, name) = (dice.roll(u64::from(CHANNELS)) as u32, dice.roll(u64::from(QUEUES)) as u16);
    let tag = channel * u32::from(QUEUES) + u32::from(name);
    let hows = [Settling::Ack, Settling::Nack, Settling::Reject, Settling::NackAway, Settling::RejectAway];
    match dice.roll(40) {
        0..8 => Command::Consume { worker: dice.roll(u64::from(workers)) as u32 },
        8..16 => Command::Get { worker: dice.roll(u64::from(workers)) as u32 },
        16..26 => {
            let (tag, how) = (dice.roll(12) as u32, hows[dice.roll(5) as usize]);
            Command::Settle { channel, tag, multiple: dice.roll(3) == 0, how }
        }
        26 => Command::Recover { channel },
        27..29 => Command::Cancel { channel, tag },
        29 => Command::CloseChannel { channel },
        30 => Command::CloseConnection { channel },
        31..37 => Command::Declare { queue: QueueId(name), channel },
        37 => Command::Purge { name, channel },
        38 => Command::Delete { name, channel },
        _ => Command::Depth { name, channel },
    }
}

/// A consumer tag is used once at a time, as clients take care of.
fn is_free(machine: &Machine, stage: &Stage, worker: u32) -> bool {
    let consumer = &stage.plan.consumers[stage.hand(worker).consumer.at()];
    let Some(broker::Subscription::Rabbitmq(it)) = &consumer.subscription else { return false };
    let Some(queue) = it.name.and_then(|name| machine.standing[usize::from(name)]) else { return true };
    let state = &machine.queues[queue.at()];
    let who = it.channel.zip(it.tag).and_then(|(channel, tag)| state.by_tag(channel, tag));
    who.is_none_or(|who| state.consumers[who as usize].status == queue::Status::Cancelled)
}

#[test]
fn a_message_is_in_exactly_one_place_whatever_happens() {
    for seed in 0..240 {
        let version = [Version::V3_10, Version::V4_0, Version::V4_3][seed as usize % 3];
        let mut dice = Dice(seed << 20);
        let stage = Stage::new(some_plan(version, &mut dice)).expect("a plan");
        let mut rig = Rig::new(&stage);
        let say = |rig: &mut Rig<'_>, command| rig.command(QueueId(0), broker::Command::Rabbitmq(command));
        say(&mut rig, Command::DeclareExchange { exchange: 0, channel: 0 });
        for queue in stage.plan.queue_ids() {
            say(&mut rig, Command::Declare { queue, channel: 0 });
            say(&mut rig, Command::Bind { binding: queue.0 });
        }
        for number in 0..MESSAGES {
            match dice.roll(30) {
                0..12 => rig.publish(ProducerId(number)),
                12 => rig.sleep(Span::from_millis(dice.roll(600))),
                13 if dice.roll(4) == 0 => {
                    say(&mut rig, if dice.roll(2) == 0 { Command::Kill } else { Command::Stop });
                    rig.sleep(Span::from_millis(200));
                    say(&mut rig, Command::Start);
                }
                _ => {
                    let command = some_command(&mut dice, stage.hands.len() as u32);
                    let broker::Machine::Rabbitmq(machine) = rig.machine(QueueId(0)) else { unreachable!() };
                    match command {
                        Command::Consume { worker } if !is_free(machine, &stage, worker) => {}
                        _ => say(&mut rig, command),
                    }
                }
            }
            while let Some(heard) = rig.hear() {
                assert!(!matches!(heard, Heard::Notice { worker, .. } if worker != u32::MAX), "{heard:?}");
            }
            let broker::Machine::Rabbitmq(machine) = rig.machine(QueueId(0)) else { unreachable!() };
            check(machine, &rig, &stage, rig.records());
        }
    }
}
