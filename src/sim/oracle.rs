//! The oracle: whatever is undetermined is asked here, under an address.
//!
//! An address is a place in the scenario, not a place in a stream, so a further question shifts no other answer, and two
//! policies compared on one seed face the same world. There are three oracles: [`Seeded`] (a run: a pure function of seed and
//! address), [`Typical`] (nothing happens that need not) and [`Odometer`] (every answer in turn).
//!
//! *Typical*, where nothing is said: a fault does not happen, a chance takes its likelier side, a pick is the first in
//! documented order, a span is its median.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::dist::Dist;
use super::time::Span;

/// A probability as a checked fraction. Invariant: `hits <= of`, `of > 0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chance {
    hits: u64,
    of: u64,
    /// The greatest bits that hit, where any do.
    last: u64,
}

impl Chance {
    /// It does not happen.
    pub const NEVER: Chance = Chance { hits: 0, of: 1, last: 0 };
    /// It happens.
    pub const ALWAYS: Chance = Chance { hits: 1, of: 1, last: u64::MAX };

    /// `hits` in `of`; `None` where that is no probability.
    pub const fn new(hits: u64, of: u64) -> Option<Chance> {
        if of == 0 || hits > of {
            return None;
        }
        // Bits hit where bits * of / 2^64, rounded down, is below `hits`.
        let above = ((hits as u128) << 64).div_ceil(of as u128);
        Some(Chance { hits, of, last: above.saturating_sub(1) as u64 })
    }
    /// The probability as a number in [0, 1].
    pub fn as_f64(self) -> f64 {
        self.hits as f64 / self.of as f64
    }
    /// Whether it can happen at all.
    pub const fn is_never(self) -> bool {
        self.hits == 0
    }
    /// Whether 64 uniform bits hit; larger bits never turn a miss into a hit.
    #[inline]
    pub fn hit(self, bits: u64) -> bool {
        !self.is_never() && bits <= self.last
    }
}

/// A source of draws read in order: arrivals, keys, fates, the timeline of a fault. The number is its place in
/// [`Sources`], made from names, so that another actor in the file shifts nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source(pub u32);

/// Where a question about an operation stands: what befalls an operation is mixed from its fate, never from the instance or
/// the worker that happens to hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The hash of consumer (or producer) and step, by name: see [`site`].
    pub site: u64,
    /// The number of the try: see [`attempt`].
    pub attempt: u64,
}

/// Answers to whatever is undetermined.
pub trait Oracle {
    /// The 64 bits of `source` at place `index`; a source is read in order, again where the world is a copy.
    fn draw(&mut self, source: Source, index: u64) -> u64;
    /// The length of `source` at place `index`. All lengths of one source are of one distribution.
    fn gap(&mut self, source: Source, index: u64, of: &Dist) -> Span {
        of.from_bits(self.draw(source, index))
    }
    /// 64 bits for a question that is asked of one operation.
    fn bits(&mut self, at: Address) -> u64;
    /// Whether a fault, likely or not, befalls here. Typically it does not.
    fn fault(&mut self, at: Address, p: Chance) -> bool {
        !p.is_never() && p.hit(self.bits(at))
    }
    /// One of `n` alternatives. Typically the first.
    fn pick(&mut self, at: Address, n: u32) -> u32 {
        ((u128::from(self.bits(at)) * u128::from(n)) >> 64) as u32
    }
    /// A length drawn from a distribution. Typically its median.
    #[inline]
    fn span(&mut self, at: Address, of: &Dist) -> Span {
        match of.constant() {
            Some(span) => span,
            None => of.from_bits(self.bits(at)),
        }
    }
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// SplitMix64's finaliser.
#[inline]
pub const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// The hash of a place in a scenario, by its names (FNV-1a, mixed): the same in every version and on every platform.
pub fn site(parts: &[&str]) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325u64;
    for part in parts {
        // 0xFF cannot stand in UTF-8: it keeps ["ab", "c"] apart from ["a", "bc"].
        for byte in part.bytes().chain([0xFF]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
    }
    mix(hash)
}

/// The number of a try at a copy of an operation. `fate`: that of the copy; of the first one the 64 bits drawn for the
/// operation when it was produced. `run`: the handler's run of it in the consumer group, from 1, and 0 before there is any.
#[inline(always)]
pub const fn attempt(fate: u64, run: u16) -> u64 {
    fate.wrapping_add(GOLDEN.wrapping_mul(run as u64 + 1))
}

/// The fate of an operation's next copy: as far from the one before as all the runs that it may have.
pub const fn fate_of_next(fate: u64) -> u64 {
    fate.wrapping_add(GOLDEN << 16)
}

/// The streams of a scenario, in the order in which [`Source`] numbers them.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    streams: Vec<u64>,
}

impl Sources {
    /// The source of one purpose of one actor.
    pub fn add(&mut self, actor: &str, purpose: &str) -> Source {
        self.streams.push(site(&[actor, purpose]));
        Source(self.streams.len() as u32 - 1)
    }
}

/// The oracle of a run: a pure function of seed and address. The kept generators are a cache of it.
#[derive(Clone, Debug)]
pub struct Seeded {
    streams: Vec<Stream>,
}

#[derive(Clone, Debug)]
struct Stream {
    rng: ChaCha8Rng,
    /// Words made in advance, from place `words_from` on; none before the first was asked for.
    words: [u64; AHEAD],
    words_from: u64,
    /// Lengths made in advance, side by side: alone each would wait for its logarithm. From place `spans_from` on.
    spans: [Span; AHEAD],
    spans_from: u64,
}

/// So many are made at a time: what the generator makes at once.
const AHEAD: usize = 32;

/// Nothing was made yet: no place is that far on.
const NOWHERE: u64 = u64::MAX / 2;

/// What was made for a place, if it was. The comparison is of 64 bits, whatever the machine counts with.
#[inline]
fn made<T: Copy>(made: &[T; AHEAD], from: u64, index: u64) -> Option<T> {
    let at = index.wrapping_sub(from);
    (at < AHEAD as u64).then(|| made[at as usize])
}

impl Stream {
    #[inline]
    fn draw(&mut self, index: u64) -> u64 {
        made(&self.words, self.words_from, index).unwrap_or_else(|| self.make_words(index))
    }

    #[inline(never)]
    fn make_words(&mut self, index: u64) -> u64 {
        if self.words_from.wrapping_add(AHEAD as u64) != index {
            self.rng.set_word_pos(u128::from(index) * 2);
        }
        self.words_from = index;
        let mut bytes = [0; 8 * AHEAD];
        self.rng.fill_bytes(&mut bytes);
        for (word, bytes) in self.words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        self.words[0]
    }

    #[inline(never)]
    fn make_spans(&mut self, index: u64, of: &Dist) -> Span {
        if self.words_from != index {
            self.make_words(index);
        }
        self.spans_from = index;
        self.spans = self.words.map(|bits| of.from_bits(bits));
        self.spans[0]
    }
}

impl Seeded {
    /// The world of `seed` for these sources.
    pub fn new(seed: u64, sources: &Sources) -> Seeded {
        let streams = sources
            .streams
            .iter()
            .map(|&stream| {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                rng.set_stream(stream);
                Stream { rng, words: [0; AHEAD], words_from: NOWHERE, spans: [Span::ZERO; AHEAD], spans_from: NOWHERE }
            })
            .collect();
        Seeded { streams }
    }
}

impl Oracle for Seeded {
    #[inline]
    fn draw(&mut self, source: Source, index: u64) -> u64 {
        self.streams[source.0 as usize].draw(index)
    }

    #[inline]
    fn gap(&mut self, source: Source, index: u64, of: &Dist) -> Span {
        let stream = &mut self.streams[source.0 as usize];
        made(&stream.spans, stream.spans_from, index).unwrap_or_else(|| stream.make_spans(index, of))
    }

    #[inline]
    fn bits(&mut self, at: Address) -> u64 {
        mix(at.site.wrapping_add(at.attempt))
    }
}

/// The oracle where nothing is said: the typical answer to everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Typical;

impl Oracle for Typical {
    fn draw(&mut self, _: Source, _: u64) -> u64 {
        1 << 63
    }
    fn bits(&mut self, _: Address) -> u64 {
        1 << 63
    }
    fn fault(&mut self, _: Address, _: Chance) -> bool {
        false
    }
    fn pick(&mut self, _: Address, _: u32) -> u32 {
        0
    }
    fn span(&mut self, _: Address, of: &Dist) -> Span {
        of.median()
    }
}

/// Every answer in turn: the last wheel turns first, and a wheel exists only once its question was asked.
///
/// Faults and picks are enumerated, spans are their median. Ask [`Odometer::next_pass`] after each pass.
#[derive(Clone, Debug, Default)]
pub struct Odometer {
    wheels: Vec<Wheel>,
    asked: usize,
    /// A given answer was none of those that could be given.
    beyond: bool,
}

#[derive(Clone, Copy, Debug)]
struct Wheel {
    at: u32,
    of: u32,
    fault: bool,
}

impl Odometer {
    /// An odometer that starts with these answers (as [`Odometer::answers`] gave them).
    pub fn starting_with(answers: &[u32]) -> Odometer {
        let wheels = answers.iter().map(|&at| Wheel { at, of: 0, fault: false }).collect();
        Odometer { wheels, asked: 0, beyond: false }
    }
    /// Goes on to the next combination of answers; `false` when all were given.
    pub fn next_pass(&mut self) -> bool {
        self.wheels.truncate(self.asked);
        self.asked = 0;
        while let Some(wheel) = self.wheels.last_mut() {
            wheel.at += 1;
            if wheel.at < wheel.of {
                return true;
            }
            self.wheels.pop();
        }
        false
    }
    /// Whether every answer that it started with was asked for, and was one of those that could be given.
    pub fn fits(&self) -> bool {
        !self.beyond && self.wheels[self.asked..].iter().all(|wheel| wheel.at == 0)
    }
    /// How many faults this pass let happen.
    pub fn faults(&self) -> u32 {
        self.wheels[..self.asked].iter().filter(|wheel| wheel.fault && wheel.at > 0).count() as u32
    }
    /// The answers of this pass, in the order of the questions.
    pub fn answers(&self) -> Vec<u32> {
        self.wheels[..self.asked].iter().map(|wheel| wheel.at).collect()
    }
    fn turn(&mut self, of: u32, fault: bool) -> u32 {
        if self.asked == self.wheels.len() {
            self.wheels.push(Wheel { at: 0, of, fault });
        }
        let wheel = &mut self.wheels[self.asked];
        (wheel.of, wheel.fault) = (of, fault);
        if wheel.at >= of {
            wheel.at = 0;
            self.beyond = true;
        }
        self.asked += 1;
        wheel.at
    }
}

impl Oracle for Odometer {
    fn draw(&mut self, _: Source, _: u64) -> u64 {
        1 << 63
    }
    fn bits(&mut self, _: Address) -> u64 {
        1 << 63
    }
    fn fault(&mut self, _: Address, p: Chance) -> bool {
        !p.is_never() && self.turn(2, true) == 1
    }
    fn pick(&mut self, _: Address, n: u32) -> u32 {
        self.turn(n, false)
    }
    fn span(&mut self, _: Address, of: &Dist) -> Span {
        of.median()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kept_generator_is_only_a_cache() {
        let mut sources = Sources::default();
        let (a, b) = (sources.add("checkout", "arrivals"), sources.add("checkout", "keys"));
        let mut in_order = Seeded::new(7, &sources);
        let first: Vec<u64> = (0..5).map(|i| in_order.draw(a, i)).collect();
        let mut jumping = Seeded::new(7, &sources);
        jumping.draw(b, 9);
        for i in [3, 0, 4, 1, 2] {
            assert_eq!(jumping.draw(a, i), first[i as usize]);
        }
    }

    #[test]
    fn a_gap_made_in_advance_is_the_one_drawn() {
        let mut sources = Sources::default();
        let a = sources.add("checkout", "arrivals");
        let (mut ahead, mut drawn) = (Seeded::new(7, &sources), Seeded::new(7, &sources));
        let of = Dist::exponential(Span::from_millis(1));
        for index in (0..100).chain([3, 40, 39, 1_000]) {
            assert_eq!(ahead.gap(a, index, &of), of.from_bits(drawn.draw(a, index)), "gap {index}");
        }
    }

    #[test]
    fn another_actor_shifts_no_answer() {
        let mut alone = Sources::default();
        let a = alone.add("checkout", "arrivals");
        let mut both = Sources::default();
        both.add("audit", "arrivals");
        let a_of_both = both.add("checkout", "arrivals");
        assert_eq!(Seeded::new(7, &alone).draw(a, 0), Seeded::new(7, &both).draw(a_of_both, 0));
    }

    #[test]
    fn chacha8_is_the_generator_that_we_recorded() {
        // Golden words of the field notes: seed_from_u64(7), stream 3.
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        rng.set_stream(3);
        assert_eq!((rng.next_u64(), rng.next_u64()), (0x2e79_8710_8688_b271, 0x17c5_f5ae_85a9_2d4e));
    }

    #[test]
    fn what_befalls_an_operation_at_one_place_says_nothing_of_another() {
        let mut oracle = Seeded::new(0, &Sources::default());
        let (here, there) = (site(&["worker", "1 work"]), site(&["worker", "2 ack"]));
        // Two places, two runs, two copies; and two neighbours among the sites and the fates.
        let first = |fate| Address { site: here, attempt: attempt(fate, 1) };
        let others: [fn(u64, u64, u64) -> Address; 5] = [
            |fate, _, there| Address { site: there, attempt: attempt(fate, 1) },
            |fate, here, _| Address { site: here, attempt: attempt(fate, 2) },
            |fate, here, _| Address { site: here, attempt: attempt(fate_of_next(fate), 1) },
            |fate, here, _| Address { site: here + 1, attempt: attempt(fate, 1) },
            |fate, here, _| Address { site: here, attempt: attempt(fate ^ 1 << 63, 1) },
        ];
        for (nth, other) in others.into_iter().enumerate() {
            let mut cells = [0u32; 256];
            for i in 0..256_000u64 {
                let (a, b) = (oracle.bits(first(mix(i))), oracle.bits(other(mix(i), here, there)));
                cells[(a >> 60 << 4 | b >> 60) as usize] += 1;
            }
            // Chi squared with 255 degrees of freedom: mean 255, deviation 22.6.
            let chi: f64 = cells.iter().map(|&n| (f64::from(n) - 1_000.0) * (f64::from(n) - 1_000.0) / 1_000.0).sum();
            assert!((chi - 255.0).abs() < 4.0 * 22.6, "pair {nth}: {chi}");
        }
    }

    #[test]
    fn a_chance_hits_as_often_as_it_says() {
        let one_percent = Chance::new(1, 100).unwrap();
        let hits = (0..100_000u64).filter(|&i| one_percent.hit(mix(i))).count();
        assert!((900..1100).contains(&hits), "{hits}");
        assert!(!Chance::NEVER.hit(0) && Chance::ALWAYS.hit(u64::MAX));
        assert_eq!(Chance::new(2, 1), None);
    }

    #[test]
    fn a_chance_hits_below_its_fraction_of_all_bits_and_nowhere_else() {
        let exactly = |hits: u64, of: u64, bits: u64| (u128::from(bits) * u128::from(of)) >> 64 < u128::from(hits);
        for i in 0..2_000u64 {
            let of = (mix(i) >> (mix(i + 7) % 64)).max(1);
            let chance = Chance::new(mix(i + 1) % (of + (of < u64::MAX) as u64), of).expect("a chance");
            let (hits, last) = (chance.hits, chance.last);
            for bits in [0, last.saturating_sub(1), last, last.saturating_add(1), u64::MAX, mix(i + 2)] {
                assert_eq!(chance.hit(bits), exactly(hits, of, bits), "{hits} of {of}, {bits}");
            }
        }
    }

    #[test]
    fn the_odometer_gives_every_combination_once() {
        let at = Address { site: 0, attempt: attempt(0, 0) };
        let half = Chance::new(1, 2).unwrap();
        let (mut odometer, mut seen) = (Odometer::default(), Vec::new());
        loop {
            // The second question is asked only where the first fault happened.
            let first = odometer.fault(at, half);
            let second = if first { odometer.pick(at, 3) } else { 9 };
            seen.push((first, second, odometer.faults()));
            if !odometer.next_pass() {
                break;
            }
        }
        assert_eq!(seen, [(false, 9, 0), (true, 0, 1), (true, 1, 1), (true, 2, 1)]);
    }
}
