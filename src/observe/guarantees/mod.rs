//! The guarantees: one file a family, each an automaton over a few bytes of one subject, with its naive twin and its words.

/// What the command knows of a guarantee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guarantee {
    /// Its id in the catalogue.
    pub id: &'static str,
    /// Its name in expectations.
    pub name: &'static str,
    /// What it says, in a sentence.
    pub text: &'static str,
    /// Whether it is about one consumer's effects (its verdict is then found by consumer too).
    pub by_consumer: bool,
}

const fn guarantee(id: &'static str, name: &'static str, by_consumer: bool, text: &'static str) -> Guarantee {
    Guarantee { id, name, text, by_consumer }
}

/// Every guarantee, in the order of the catalogue.
pub const GUARANTEES: &[Guarantee] = &[
    guarantee("A1", "deliveries at-most-once", false, "no operation is delivered twice"),
    guarantee("A2", "runs at-most-once", false, "no operation's handler is started twice"),
    guarantee("A3", "effects at-most-once", true, "no operation takes effect twice"),
    guarantee("A4", "deliveries at-least-once", false, "every confirmed operation is delivered"),
    guarantee("A5", "effects at-least-once", true, "every confirmed operation takes effect or is dead-lettered"),
    guarantee("A7", "effects exactly-once", true, "effects at-most-once and effects at-least-once"),
    guarantee("A9", "publishes deduplicated", false, "no operation is stored twice in a queue"),
    guarantee("B4", "effects in order", true, "first effects of a key come in the order in which they were produced"),
    guarantee("B5", "runs of a key one at a time", false, "no two handlers of one key run at the same time"),
    guarantee("C3", "no effect after its lease", true, "no effect comes from a delivery that is no longer current"),
    guarantee("C6", "ack implies effect", true, "no message is acked before its operation took effect"),
    guarantee("D1", "no loss of a confirmed publish", false, "no broker loses what it confirmed"),
    guarantee(
        "E1",
        "every operation ends",
        false,
        "every stored operation takes effect, is dead-lettered or is dropped by declared policy",
    ),
    guarantee(
        "E2",
        "attempts exact",
        false,
        "each copy is dead-lettered after exactly the deliveries that its queue says",
    ),
    guarantee("E4", "dead-lettered at-most-once", false, "no operation is dead-lettered twice"),
];
