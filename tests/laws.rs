//! Laws of worlds, on random small ones: equal canonical forms have equal futures, and a message is in exactly one place.

use std::collections::BTreeMap;

use redelivery::model::broker::{self, Settings, plain, rabbitmq, sqs};
use redelivery::model::fact::Fact;
use redelivery::model::plan::{
    Arrivals, Consumer, ConsumerId, Fault, FaultKind, Link, OnError, Party, Plan, Poison, PoisonKind, Producer,
    ProducerId, Publish, Queue, QueueId, Reaction, Receives, Step, Store, StoreId, StoreKind, When,
};
use redelivery::model::seat::Empty;
use redelivery::model::text::Text;
use redelivery::model::{Around, Leases, Stage, Stop, World};
use redelivery::observe::Roles;
use redelivery::observe::automata::{Automata, Questions, Step as Judge};
use redelivery::observe::guarantees::{Asked, Id};
use redelivery::sim::oracle::{Odometer, mix};
use redelivery::sim::{Chance, Dist, KeyDraw, Span, Time};
use redelivery::ways::explore::{Answers, Choice, Late, Rules, State};

mod routes;

/// Random numbers that are the same in every build.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(1);
        (mix(self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15)) >> 33) as usize % sides
    }
    fn maybe<T>(&mut self, one_in: usize, value: T) -> Option<T> {
        (self.roll(one_in) == 0).then_some(value)
    }
    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len())].clone()
    }
}

const DB: StoreId = StoreId(1);
const CACHE: StoreId = StoreId(0);
const NETWORK: StoreId = StoreId(2);

fn effect(store: StoreId) -> Step {
    Step::Effect { store, site: 0 }
}

fn ms(n: u64) -> Span {
    Span::from_millis(n)
}

/// The programs of the field, and some that nobody should write.
fn programs() -> Vec<Vec<Step>> {
    let work = |n| Step::Work(Dist::fixed(ms(n)));
    let (begin, commit) = (Step::Begin(DB), Step::Commit(DB));
    vec![
        vec![effect(NETWORK), Step::Ack],
        vec![Step::Ack, work(3), effect(DB)],
        vec![work(2), effect(DB), Step::Ack],
        vec![Step::Seen(DB), effect(NETWORK), Step::Mark(DB), Step::Ack],
        vec![Step::Seen(CACHE), Step::Mark(CACHE), effect(DB), Step::Ack],
        vec![begin.clone(), Step::Mark(DB), effect(DB), commit.clone(), Step::Ack],
        vec![begin.clone(), Step::Mark(DB), work(4), effect(NETWORK), commit.clone(), Step::Ack],
        vec![work(0), begin, effect(DB), Step::Mark(DB), work(0), commit, work(0), Step::Ack],
        vec![effect(DB), effect(NETWORK), Step::Ack, work(1)],
    ]
}

fn queue(dice: &mut Dice, name: &str) -> Queue {
    let settings = plain::Settings {
        lease: dice.of(&[ms(4), ms(10)]),
        returns_to: dice.of(&[plain::ReturnsTo::Tail, plain::ReturnsTo::Place]),
        durable: dice.roll(3) > 0,
        max_length: dice.maybe(4, 2),
        max_deliveries: dice.maybe(2, 2),
        dead_letter_to: None,
    };
    Queue { name: name.into(), settings: Settings::Plain(settings) }
}

/// The same plan on a broker whose queues are of another product.
fn on_rabbitmq(plan: &mut Plan, dice: &mut Dice) {
    use rabbitmq::{DeadLetter, Family, Overflow, Retry, Strategy, Subscription, Version};
    let version = dice.of(&[Version::V3_10, Version::V4_0, Version::V4_3]);
    let dead_letters = plan.queues[1].settings.dead_letter_to().is_some();
    for (number, queue) in plan.queues.iter_mut().enumerate() {
        let classic = dice.roll(2) == 0;
        let strategy = dice.of(&[Strategy::AtMostOnce, Strategy::AtLeastOnce]);
        let retry = Retry { failed: dice.roll(2) == 0, returned: dice.roll(2) == 0, min: ms(2), max: ms(3) };
        let settings = rabbitmq::Settings {
            family: if classic { Family::Classic } else { Family::Quorum },
            version,
            durable: !classic || dice.roll(3) > 0,
            dead_letter: (number == 1 && dead_letters).then_some(DeadLetter {
                exchange: None,
                key: None,
                to: Some(QueueId(0)),
                strategy: if classic { Strategy::AtMostOnce } else { strategy },
            }),
            message_ttl: dice.maybe(3, ms(7)),
            max_length: dice.maybe(4, 2),
            overflow: dice.of(&[Overflow::DropHead, Overflow::RejectPublish]),
            delivery_limit: dice.maybe(2, 1).filter(|_| !classic),
            single_active_consumer: dice.roll(4) == 0,
            consumer_timeout: Some(dice.of(&[ms(4), ms(10)])),
            delayed_retry: dice.maybe(3, retry).filter(|_| !classic && version == Version::V4_3),
            ..rabbitmq::Settings::default()
        };
        queue.settings = Settings::Rabbitmq(settings);
    }
    let prefetch = 1 + dice.roll(3) as u16;
    for consumer in &mut plan.consumers {
        let subscription = Subscription { prefetch, priority: dice.roll(2) as i32, ..Subscription::default() };
        consumer.subscription = Some(broker::Subscription::Rabbitmq(subscription));
        consumer.heartbeat = None; // no call of AMQP renews
    }
    dice.maybe(3, ()).into_iter().for_each(|()| routes::fan_out(plan));
}

/// The same plan on standard queues of SQS.
fn on_sqs_standard(plan: &mut Plan, dice: &mut Dice) {
    on_sqs(plan, dice, false);
}

/// The same plan on FIFO queues of SQS.
fn on_sqs_fifo(plan: &mut Plan, dice: &mut Dice) {
    on_sqs(plan, dice, true);
}

fn on_sqs(plan: &mut Plan, dice: &mut Dice, fifo: bool) {
    for (number, queue) in plan.queues.iter_mut().enumerate() {
        let kind = if fifo {
            sqs::Kind::Fifo { content_based: true, by_group: dice.roll(2) == 0 }
        } else {
            sqs::Kind::Standard { loose: dice.roll(3) == 0 }
        };
        let max_receive_count = 1 + dice.roll(2) as u16;
        let redrive = dice.maybe(2, sqs::Redrive { to: QueueId(0), max_receive_count }).filter(|_| number == 1);
        queue.settings = Settings::Sqs(sqs::Settings {
            visibility_timeout: dice.of(&[ms(4), ms(10)]),
            delay: dice.of(&[Span::ZERO, Span::ZERO, ms(3)]),
            receive_wait: dice.of(&[Span::ZERO, Span::from_secs(20)]),
            redrive,
            kind,
            ..sqs::Settings::default()
        });
    }
    let text = |text: &str| Some(Text::read(text).expect("a text"));
    for producer in &mut plan.producers {
        let says = if fifo {
            sqs::Envelope {
                group: text(dice.of(&["{key}", "all", "{operation}"])),
                dedup: dice.of(&[None, text("{operation}"), text("{key}")]),
                ..sqs::Envelope::default()
            }
        } else {
            sqs::Envelope { delay: dice.of(&[None, None, Some(ms(5))]), ..sqs::Envelope::default() }
        };
        producer.message = Some(broker::Envelope::Sqs(says));
    }
    for consumer in &mut plan.consumers {
        let asks = sqs::Subscription {
            max_messages: 1 + dice.roll(3) as u16,
            wait: dice.of(&[None, Some(Span::ZERO), Some(Span::from_secs(20))]),
            visibility_timeout: dice.of(&[None, None, Some(ms(6))]),
            attempt: None,
            poll_pause: ms(3),
        };
        consumer.subscription = Some(broker::Subscription::Sqs(asks));
    }
    vary_consumers(plan, dice);
}

/// Who receives, and what becomes of errors.
fn vary_consumers(plan: &mut Plan, dice: &mut Dice) {
    for consumer in &mut plan.consumers {
        consumer.receives = dice.of(&[Receives::Worker, Receives::Instance]);
        let nack = |n| Reaction::Nack { delay: ms(n) };
        let retryable = dice.of(&[nack(0), nack(3), Reaction::Leave]);
        let poison = dice.of(&[nack(0), Reaction::Ack]);
        consumer.on_error = OnError { retryable, poison, after: dice.maybe(4, (2, Reaction::Ack)) };
    }
}

fn producer(dice: &mut Dice, name: &str) -> Producer {
    let arrivals = match dice.roll(3) {
        0 => Arrivals::AtOnce { count: 2 },
        _ => Arrivals::Constant { gap: dice.of(&[ms(2), ms(3)]) },
    };
    let publish = dice.of(&[
        Publish::FireAndForget,
        Publish::Confirm { timeout: ms(3) },
        Publish::ConfirmAndRetry { timeout: ms(3), attempts: 2, backoff: ms(2) },
    ]);
    let how = dice.of(&[PoisonKind::Errors, PoisonKind::Hangs, PoisonKind::Kills]);
    let fraction = Chance::new(1, 100).expect("a chance");
    Producer {
        keys: if dice.roll(2) == 0 { KeyDraw::uniform(1) } else { KeyDraw::None },
        poison: dice.maybe(2, Poison { fraction, how }),
        publish,
        ..Producer::new(name, QueueId(1), arrivals)
    }
}

/// A small world of everything that the model has. Queue 0 takes the dead letters of queue 1, store 0 is a cache.
fn plan(dice: &mut Dice) -> Plan {
    let mut plan = Plan::new("random");
    plan.length.operations = Some(2 + dice.roll(2) as u32);
    plan.queues = vec![queue(dice, "dlq"), queue(dice, "work")];
    let Settings::Plain(work) = &mut plan.queues[1].settings else { panic!("it was made so") };
    work.dead_letter_to = work.max_deliveries.and_then(|_| dice.maybe(2, QueueId(0)));
    plan.producers = ["a", "b"][..1 + dice.roll(2)].iter().map(|name| producer(dice, name)).collect();
    let idempotency = dice.of(&[None, Some(Span::FOREVER), Some(ms(5))]);
    let store = |name: &str, kind, latency| Store { name: name.into(), kind, latency: Dist::fixed(ms(latency)) };
    plan.stores = vec![
        store("cache", StoreKind::Cache, 0),
        store("db", StoreKind::Database, dice.roll(3) as u64),
        store("network", StoreKind::External { idempotency }, dice.roll(6) as u64),
    ];
    let mut consumer = Consumer::new("worker", QueueId(1), dice.of(&programs()));
    (consumer.instances, consumer.workers) = dice.of(&[(1, 1), (1, 2), (2, 1), (3, 1)]);
    consumer.batch = 1 + dice.roll(2) as u16;
    consumer.heartbeat = dice.maybe(4, ms(2));
    let nack = |n| Reaction::Nack { delay: ms(n) };
    consumer.on_error = OnError::always(dice.of(&[nack(0), nack(3), Reaction::Leave]));
    plan.consumers.push(consumer);
    if dice.roll(3) == 0 {
        plan.consumers.push(Consumer::new("z-audit", QueueId(0), vec![effect(DB), Step::Ack]));
    }
    let fault = |name: &str, kind| Fault { name: name.into(), kind, when: When::Every(Span::from_secs(1)) };
    let crash = FaultKind::Crash { consumer: ConsumerId(0), restart_after: ms(1) };
    plan.faults.push(fault("crash", crash));
    if dice.roll(2) == 0 {
        plan.faults.push(fault("down", FaultKind::BrokerCrash { queue: QueueId(1), restart_after: ms(1) }));
    }
    let some = Chance::new(1, 100).expect("a chance");
    let link = |name: &str, from| Link {
        name: name.into(),
        from,
        to: QueueId(1),
        latency: Dist::fixed(ms(1)),
        lose_request: some,
        lose_answer: some,
    };
    plan.links.extend(dice.maybe(3, link("in", Party::Producer(ProducerId(0)))));
    plan.links.extend(dice.maybe(3, link("out", Party::Consumer(ConsumerId(0)))));
    plan
}

/// A state with the memory of all guarantees.
#[derive(Debug)]
struct Whole {
    state: State,
    automata: Automata,
}

impl Clone for Whole {
    fn clone(&self) -> Whole {
        Whole { state: self.state.clone(), automata: self.automata.clone() }
    }
}

struct Game {
    rules: Rules,
    roles: Roles,
    questions: Questions,
}

/// A choice with the answers of the oracle that go with it.
type Move = (Choice, Answers);
/// A move, the form that it leads to with what broke, and the state itself.
type Way = (Move, (Vec<u64>, String), Whole);
/// Moves by name and what they lead to, in order.
type Futures = Vec<(String, (Vec<u64>, String))>;

impl Game {
    fn new(plan: Plan, late: Late, leases: Leases, asked: Asked) -> Game {
        let rules = Rules::new(plan, 2, late, leases, true, None).expect("a plan");
        let roles = Roles::new(&rules.stage().plan);
        Game { rules, roles, questions: Questions { guarantees: asked, missing: true } }
    }

    fn start(&self) -> Whole {
        let mut automata = Automata::default();
        let mut judge = Judge { automata: &mut automata, roles: &self.roles, broke: None, questions: self.questions };
        let state = self.rules.start(&mut judge, &mut Empty);
        Whole { state, automata }
    }

    fn form(&self, whole: &Whole) -> Vec<u64> {
        let mut form = Vec::new();
        self.rules.canon(&whole.state, &mut form);
        whole.automata.canon(&self.questions, &mut form);
        form
    }

    /// Every way on from here: the move, the form that it leads to, what broke on the way, and the state itself.
    fn successors(&self, whole: &Whole) -> Vec<Way> {
        let (mut heads, mut choices) = (Vec::new(), Vec::new());
        self.rules.choices(&whole.state, &mut heads, &mut choices);
        let mut all = Vec::new();
        for choice in choices {
            let mut odometer = Odometer::default();
            loop {
                let mut next = whole.clone();
                let mut judge =
                    Judge { automata: &mut next.automata, roles: &self.roles, broke: None, questions: self.questions };
                let within = self.rules.apply(&mut next.state, choice, &mut odometer, &mut judge, &mut Empty);
                let broke = format!("{:?}", judge.broke);
                if within {
                    let answers = Answers::of(&odometer).unwrap_or_default();
                    all.push(((choice, answers), (self.form(&next), broke), next));
                }
                if !odometer.next_pass() {
                    break;
                }
            }
        }
        all
    }

    /// The futures, without the slots of moves: which head of a loose lane is the first is an accident.
    fn futures(&self, successors: &[Way]) -> Futures {
        let name = |choice: Choice, answers: Answers| match choice {
            Choice::Take { lane, .. } => format!("{lane} {answers:?}"),
            other => format!("{other:?}"),
        };
        let mut futures: Vec<_> =
            successors.iter().map(|((choice, answers), form, _)| (name(*choice, *answers), form.clone())).collect();
        futures.sort();
        futures
    }
}

/// A state by its form: its own futures, and how it came about.
struct Known {
    futures: Futures,
    way: Vec<Choice>,
}

/// Walks at random and compares all states of equal forms. Gives how many pairs.
fn compare(seed: u64, walks: usize, change: impl Fn(&mut Plan, &mut Dice)) -> Result<usize, String> {
    let mut dice = Dice(seed << 32);
    let mut plan = plan(&mut dice);
    change(&mut plan, &mut Dice(seed << 32 | 1 << 30));
    let late = dice.of(&[Late::Unlimited, Late::AtMost(1), Late::AtMost(3)]);
    let leases = dice.of(&[Leases::Strict, Leases::Loose]);
    let one = dice.of(Id::ALL);
    let all = Id::ALL.iter().fold(Asked::NONE, |all, &id| all | Asked::of(id));
    let asked = dice.of(&[all, Asked::of(one), Asked::NONE]);
    let game = Game::new(plan, late, leases, asked);
    let mut known: BTreeMap<Vec<u64>, Known> = BTreeMap::new();
    let mut pairs = 0;
    for _ in 0..walks {
        let (mut whole, mut way) = (game.start(), Vec::new());
        for _ in 0..60 {
            let mut successors = game.successors(&whole);
            let futures = game.futures(&successors);
            match known.get(&game.form(&whole)) {
                Some(before) if before.way != way => {
                    pairs += 1;
                    if before.futures != futures {
                        let differ = before.futures.iter().zip(&futures).find(|(one, other)| one != other);
                        return Err(format!(
                            "seed {seed}: equal forms, unequal futures: {} and {} choices, {late:?} {leases:?} {asked:?}\n{differ:?}\nby {:?}\nand {way:?}\nform {:?}\n{:#?}",
                            before.futures.len(),
                            futures.len(),
                            before.way,
                            game.form(&whole),
                            game.rules.stage().plan,
                        ));
                    }
                }
                Some(_) => {}
                None => {
                    known.insert(game.form(&whole), Known { futures, way: way.clone() });
                }
            }
            if successors.is_empty() {
                break;
            }
            let ((choice, _), _, next) = successors.swap_remove(dice.roll(successors.len()));
            whole = next;
            way.push(choice);
        }
    }
    Ok(pairs)
}

/// As [`plan`] makes it.
fn as_it_is(_: &mut Plan, _: &mut Dice) {}

#[test]
fn equal_forms_have_equal_futures_under_every_choice() {
    equal_forms_have_equal_futures(as_it_is);
}

#[test]
fn equal_forms_of_queues_with_receipts_have_equal_futures_under_every_choice() {
    equal_forms_have_equal_futures(on_sqs_standard);
}

#[test]
fn equal_forms_of_queues_with_groups_have_equal_futures_under_every_choice() {
    equal_forms_have_equal_futures(on_sqs_fifo);
}

#[test]
fn equal_forms_of_a_shared_broker_have_equal_futures_under_every_choice() {
    equal_forms_have_equal_futures(on_rabbitmq);
}

fn equal_forms_have_equal_futures(change: fn(&mut Plan, &mut Dice)) {
    let (worlds, walks) = if cfg!(debug_assertions) { (60, 15) } else { (600, 40) };
    // SEED=7 WORLDS=1 compares one world again; WORLDS=10000 looks further.
    let said = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let (first, worlds) = (said("SEED").unwrap_or(0), said("WORLDS").unwrap_or(worlds));
    let mut pairs = 0;
    let mut failed = Vec::new();
    for seed in first..first + worlds {
        match compare(seed, walks, change) {
            Ok(found) => pairs += found,
            Err(why) => failed.push(why),
        }
    }
    println!("{pairs} pairs of equal states were compared");
    let seeds: Vec<&str> = failed.iter().map(|why| why.lines().next().unwrap_or_default()).collect();
    assert!(failed.is_empty(), "\n{}\n\n{}", seeds.join("\n"), failed[0]);
    assert!(pairs > 50 * worlds as usize, "only {pairs} pairs");
}

/// Worlds in which equal forms once had unequal futures: what was overdue, what went on at once and what was due at this
/// moment had one name; and so had two deliveries of one message in the hands of one worker, with the beats of each; and
/// dead letters of two queues in a third, which readers were owed it by one and not by the other. And one where the futures
/// differed in whom they blamed: the operation that ran already was the first that was found.
#[test]
fn worlds_that_broke_the_law_once_obey_it() {
    let textbook = [571, 853, 928, 953, 103_914].map(|seed| (seed, as_it_is as fn(&mut Plan, &mut Dice)));
    for (seed, change) in textbook.into_iter().chain([(98, on_sqs_standard as _), (420, on_rabbitmq as _)]) {
        compare(seed, 40, change).unwrap_or_else(|why| panic!("{why}"));
    }
}

#[test]
fn a_message_that_had_its_last_delivery_when_the_broker_died_is_put_aside() {
    let mut plan = Plan::new("a cap of one");
    plan.length.operations = Some(1);
    let queue = |name: &str, settings| Queue { name: name.into(), settings: Settings::Plain(settings) };
    let capped =
        plain::Settings { max_deliveries: Some(1), dead_letter_to: Some(QueueId(0)), ..plain::Settings::default() };
    plan.queues = vec![queue("dlq", plain::Settings::default()), queue("work", capped)];
    plan.producers.push(Producer::new("source", QueueId(1), Arrivals::Constant { gap: ms(1) }));
    let steps = vec![Step::Work(Dist::fixed(ms(5))), Step::Ack];
    plan.consumers.push(Consumer::new("worker", QueueId(1), steps));
    let kind = FaultKind::BrokerCrash { queue: QueueId(1), restart_after: ms(1) };
    let when = When::At { times: vec![Time::ZERO + ms(3)], instance: None };
    plan.faults.push(Fault { name: "down".into(), kind, when });
    let stage = Stage::new(plan).expect("a plan");
    let mut facts: Vec<(Time, Fact)> = Vec::new();
    let mut oracle = stage.oracle(1);
    let mut around = Around { oracle: &mut oracle, watch: &mut facts, seat: &mut Empty };
    World::new(&stage, true, &mut around).run(&stage, &mut around, 1_000);
    let delivered = facts.iter().filter(|(_, fact)| matches!(fact, Fact::Delivered { .. })).count();
    let aside = facts.iter().filter(|(_, fact)| matches!(fact, Fact::DeadLettered { attempts: 1, .. })).count();
    assert_eq!((delivered, aside), (1, 1), "{facts:#?}");
}

#[test]
fn a_lane_is_late_no_longer_than_its_late_event() {
    // Milliseconds: operations come at 4, 8, 12, 16; leases of 10 end at 14 and 18; handlers of 11 end at 15 and 19.
    let mut plan = Plan::new("late once");
    plan.length.operations = Some(5);
    let settings = plain::Settings { lease: ms(10), ..plain::Settings::default() };
    plan.queues.push(Queue { name: "work".into(), settings: Settings::Plain(settings) });
    let arrivals = Arrivals::Constant { gap: ms(4) };
    plan.producers.push(Producer { publish: Publish::FireAndForget, ..Producer::new("source", QueueId(0), arrivals) });
    let steps = vec![Step::Work(Dist::fixed(ms(11))), Step::Ack];
    plan.consumers.push(Consumer { instances: 2, ..Consumer::new("worker", QueueId(0), steps) });
    let game = Game::new(plan, Late::AtMost(1), Leases::Strict, Asked::NONE);
    let mut whole = game.start();
    let mut only = |on_time: bool| {
        let ways = game.successors(&whole);
        let is_delay = |way: &&Way| matches!(way.0.0, Choice::Delay { .. });
        whole = ways.iter().find(|way| is_delay(way) != on_time).expect("a way").2.clone();
        ways.iter().filter(|way| !is_delay(way)).count()
    };
    let three_arrivals = [only(true), only(true), only(true)];
    // The first lease is late; the handler is done first, its ack makes the lease void, and the second one is on time.
    let (lease, handler_begins_to_ack) = (only(false), only(true));
    assert_eq!((three_arrivals, lease, handler_begins_to_ack), ([1, 1, 1], 1, 2));
    // The ack, which is the worker's next event, or the late lease.
    assert_eq!(only(true), 2);
    assert_eq!(only(true), 1, "the second lease is not late: only the fourth operation may be next");
}

/// Where a queue's messages are, by facts alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Places {
    accepted: u64,
    settled: u64,
    dropped: u64,
}

#[test]
fn a_message_is_in_exactly_one_place() {
    a_message_is_in_one_place(as_it_is);
}

#[test]
fn a_message_with_receipts_is_in_exactly_one_place() {
    a_message_is_in_one_place(on_sqs_standard);
}

#[test]
fn a_message_of_a_group_is_in_exactly_one_place() {
    a_message_is_in_one_place(on_sqs_fifo);
}

#[test]
fn a_message_of_a_shared_broker_is_in_exactly_one_place() {
    a_message_is_in_one_place(on_rabbitmq);
}

fn a_message_is_in_one_place(change: fn(&mut Plan, &mut Dice)) {
    for seed in 0..if cfg!(debug_assertions) { 300 } else { 3_000 } {
        let mut dice = Dice(seed << 32 | 1 << 31);
        let mut plan = plan(&mut dice);
        change(&mut plan, &mut Dice(seed << 32 | 1 << 30));
        plan.length.operations = Some(1 + dice.roll(60) as u32);
        plan.length.drain = ms(100);
        for fault in &mut plan.faults {
            fault.when = When::Every(ms(20));
        }
        let stage = Stage::new(plan).expect("a plan");
        let mut facts: Vec<(Time, Fact)> = Vec::new();
        let mut oracle = stage.oracle(seed);
        let mut around = Around { oracle: &mut oracle, watch: &mut facts, seat: &mut Empty };
        let mut world = World::new(&stage, true, &mut around);
        // Stopped anywhere, or at its end.
        let most = if dice.roll(2) == 0 { dice.roll(300) as u64 } else { 1 << 20 };
        let stop = world.run(&stage, &mut around, most);
        let places = places(&facts);
        let stored = world.stored() as u64;
        assert_eq!(places.accepted, places.settled + places.dropped + stored, "seed {seed}: {places:?}, {stop:?}");
        if stop == Stop::Settled {
            assert_eq!(stored, 0, "seed {seed}");
            assert!(world.is_settled(), "seed {seed}");
            let hung = stage.plan.producers.iter().any(|p| p.poison.is_some_and(|p| p.how == PoisonKind::Hangs));
            let [messages, entries, deliveries] = world.records();
            assert!(messages + entries == 0 && (hung || deliveries == 0), "seed {seed}: {:?}", world.records());
        }
    }
}

/// Counts, and checks that each message goes from place to place by the contract of facts.
fn places(facts: &[(Time, Fact)]) -> Places {
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum At {
        Ready(QueueId),
        Out(QueueId, u32),
    }
    let (mut at, mut places): (BTreeMap<u32, At>, Places) = Default::default();
    for (now, fact) in facts {
        let was = |at: &mut BTreeMap<u32, At>, message: u32| at.remove(&message);
        match *fact {
            Fact::Accepted { message, queue, .. } => {
                places.accepted += 1;
                assert_eq!(at.insert(message, At::Ready(queue)), None, "{now} {fact:?}");
            }
            Fact::Delivered { held, message, queue, .. } => {
                assert_eq!(was(&mut at, message), Some(At::Ready(queue)), "{now} {fact:?}");
                at.insert(message, At::Out(queue, held.delivery));
            }
            Fact::Expired { held, message, queue, .. }
            | Fact::Nacked { held, message, queue, .. }
            | Fact::TakenBack { held, message, queue } => {
                assert_eq!(was(&mut at, message), Some(At::Out(queue, held.delivery)), "{now} {fact:?}");
                at.insert(message, At::Ready(queue));
            }
            Fact::Acked { held, message, queue } => {
                places.settled += 1;
                assert_eq!(was(&mut at, message), Some(At::Out(queue, held.delivery)), "{now} {fact:?}");
            }
            Fact::AckedLate { message, queue, .. } => {
                places.settled += 1;
                assert_eq!(was(&mut at, message), Some(At::Ready(queue)), "{now} {fact:?}");
            }
            Fact::DeadLettered { message, from, to, .. } => {
                assert_eq!(was(&mut at, message), Some(At::Ready(from)), "{now} {fact:?}");
                at.insert(message, At::Ready(to));
            }
            Fact::Dropped { message, queue, in_flight, .. } => {
                places.dropped += 1;
                match was(&mut at, message) {
                    Some(At::Ready(of)) => assert!(of == queue && !in_flight, "{now} {fact:?}"),
                    Some(At::Out(of, _)) => assert!(of == queue && in_flight, "{now} {fact:?}"),
                    None => panic!("{now} {fact:?}"),
                }
            }
            _ => {}
        }
    }
    places
}
