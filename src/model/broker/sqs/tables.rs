//! The tables of SQS: parameters under the service's own names, defaults, ranges and sources; the three answers; what is not
//! modelled. The reader of scenarios, `help` and the player of recordings go by them.

use super::{Envelope, Kind, Redrive, Settings, Subscription};
use crate::model::broker::{self, Product, Words};
use crate::model::parameter::{self, Parameter, Values};
use crate::sim::Span;

const SECOND: Option<Span> = Some(Span::from_secs(1));
const DAY: u64 = 86_400;

const fn seconds(min: u64, max: u64) -> parameter::Kind {
    parameter::Kind::Span { min: Span::from_secs(min), max: Span::from_secs(max), bare: SECOND }
}

const VISIBILITY_TIMEOUT: Parameter = Parameter {
    name: "VisibilityTimeout",
    kind: seconds(0, 43_200),
    default: "30s",
    text: "how long a received message is hidden from other receives",
    source: "SQS API, SetQueueAttributes",
};
const DELAY_SECONDS: Parameter = Parameter {
    name: "DelaySeconds",
    kind: seconds(0, 900),
    default: "0s",
    text: "how long a new message is hidden",
    source: "SQS Developer Guide, message quotas",
};
const RETENTION: Parameter = Parameter {
    name: "MessageRetentionPeriod",
    kind: seconds(60, 14 * DAY),
    default: "4d",
    text: "how long a message is kept; after that it is gone, and not put aside. Counted where run.for reaches it",
    source: "SQS Developer Guide, message quotas",
};
const RECEIVE_WAIT: Parameter = Parameter {
    name: "ReceiveMessageWaitTimeSeconds",
    kind: seconds(0, 20),
    default: "0s",
    text: "how long a receive waits for messages where it does not say; 0 is a short poll",
    source: "SQS Developer Guide, long polling",
};
const REDRIVE_POLICY: Parameter = Parameter {
    name: "RedrivePolicy",
    kind: parameter::Kind::Table(&[
        Parameter {
            name: "deadLetterTargetArn",
            kind: parameter::Kind::Queue,
            default: "",
            text: "the dead-letter queue, of the same kind",
            source: "SQS Developer Guide, dead-letter queues",
        },
        Parameter {
            name: "maxReceiveCount",
            kind: parameter::Kind::Whole { min: 1, max: 1_000 },
            default: "",
            text: "so many receives; the next one moves the message instead of returning it",
            source: "SQS Developer Guide, dead-letter queues",
        },
    ]),
    default: "",
    text: "when a message is put aside, and where",
    source: "SQS Developer Guide, dead-letter queues",
};
const LOOSENESS: Parameter = Parameter {
    name: "looseness",
    kind: parameter::Kind::Word(&["documented", "none"]),
    default: "documented",
    text: "whether what the documentation leaves loose happens: 1 receive in 100 takes one of the next 10 messages, 1 delete in \
           1,000,000 misses, so that the message comes back",
    source: "ours: the documentation gives no rates",
};
const CONTENT_BASED: Parameter = Parameter {
    name: "ContentBasedDeduplication",
    kind: parameter::Kind::Switch,
    default: "false",
    text: "a message without a deduplication id has its body as one",
    source: "SQS Developer Guide, FIFO key terms",
};
const SCOPE: Parameter = Parameter {
    name: "DeduplicationScope",
    kind: parameter::Kind::Word(&["queue", "messageGroup"]),
    default: "queue",
    text: "whether a deduplication id is known in the whole queue or in its group",
    source: "SQS Developer Guide, high throughput for FIFO queues",
};
const THROUGHPUT: Parameter = Parameter {
    name: "FifoThroughputLimit",
    kind: parameter::Kind::Word(&["perQueue", "perMessageGroupId"]),
    default: "perQueue",
    text: "what the limit of calls is counted for; no limit of calls is modelled",
    source: "SQS Developer Guide, high throughput for FIFO queues",
};

const GROUP: Parameter = Parameter {
    name: "MessageGroupId",
    kind: parameter::Kind::Text,
    default: "",
    text: "the group, within which a FIFO queue keeps order; such as \"{key}\"",
    source: "SQS API, SendMessage",
};
const DEDUP_ID: Parameter = Parameter {
    name: "MessageDeduplicationId",
    kind: parameter::Kind::Text,
    default: "",
    text: "the same id within 5 minutes is accepted and not stored again; such as \"{operation}\"",
    source: "SQS API, SendMessage",
};
const BODY: Parameter = Parameter {
    name: "MessageBody",
    kind: parameter::Kind::Text,
    default: "",
    text: "what ContentBasedDeduplication goes by; without it, a body that no other operation has",
    source: "SQS API, SendMessage",
};

const CLIENT: &[Parameter] = &[
    Parameter {
        name: "MaxNumberOfMessages",
        kind: parameter::Kind::Whole { min: 1, max: 10 },
        default: "1",
        text: "how many messages a worker takes at a time",
        source: "SQS API, ReceiveMessage",
    },
    Parameter {
        name: "WaitTimeSeconds",
        kind: seconds(0, 20),
        default: "",
        text: "how long a receive waits for messages; without it, the queue's ReceiveMessageWaitTimeSeconds. A long poll that ends \
               is followed by the next at once",
        source: "SQS API, ReceiveMessage",
    },
    Parameter {
        name: "poll_pause",
        kind: parameter::Kind::Span { min: Span::from_millis(1), max: Span::from_secs(3_600), bare: None },
        default: "1s",
        text: "how long a worker that does not wait pauses after an answer without messages",
        source: "ours; the default polling interval of Celery's SQS transport",
    },
];

const WORDS: Words = Words { delivery: "receive", lease: "visibility timeout", held: "hidden" };

const DEAD_LETTERS: &str = "none, unless RedrivePolicy is set; then the receive after maxReceiveCount others moves the message, and \
                            without a receive it stays";

/// What both lack.
const NOT_MODELLED: &[(&str, &str)] = &[
    (
        "12 hours in all",
        "a visibility timeout may be extended without end; the service stops at 12 hours from the receive",
    ),
    ("limits of calls", "no call is throttled; give links latency where calls take time"),
    ("RedriveAllowPolicy", "any queue may put messages aside in any other of its kind"),
    ("MaximumMessageSize", "messages have no size"),
    ("Policy", "everybody may do everything"),
    ("KmsMasterKeyId", "nothing is encrypted"),
    ("the rate of a move task", "[redrive.NAME] moves all at once"),
];

const FACTS: &[&str] = &[
    "standard: when the answer to a send is lost and the client sends again, two messages with different ids are delivered",
    "FIFO: the same deduplication id 4:59 after the first, which is deleted by then, is accepted and not delivered; at 5:01 it is",
    "maxReceiveCount = 3 and every handler fails: 3 runs, and the 4th receive moves the message; without one it stays",
    "standard, 30 s and a handler of 40 s: another worker runs the message from 30 s on; the first one's delete, with its old \
     receipt, does not remove it",
    "FIFO and the same: the first one's delete is an error, and the effect is doubled",
    "FIFO, 1, 2 and 3 of a group in one batch: when 2 and 3 are deleted and 1 times out, 1 runs after 3",
    "FIFO, something of a group in flight: other groups go on, and no receive gets any of that one",
    "ChangeMessageVisibility(10) after 15 s of 60 s: the message is visible at 25 s, not at 70 s",
    "a receive whose answer is lost hides the message for the whole timeout, and is counted",
    "a message of 3 d 23 h, moved to a standard dead-letter queue that keeps 4 days, expires there after 1 hour",
];

/// What the command knows of SQS.
pub const PRODUCTS: &[Product] = &[
    Product {
        name: "sqs-standard",
        title: "Amazon SQS standard: at least once, best-effort order, receipts and a visibility timeout",
        parameters: &[VISIBILITY_TIMEOUT, DELAY_SECONDS, RETENTION, RECEIVE_WAIT, REDRIVE_POLICY, LOOSENESS],
        message: &[
            Parameter {
                text: "how long this message is hidden, in place of the queue's",
                default: "",
                ..DELAY_SECONDS
            },
            Parameter { text: "a tenant, for fair queues; it changes nothing here", ..GROUP },
        ],
        client: CLIENT,
        delivery: "at least once: a message stays stored until it is deleted; a visibility timeout that ends brings it back, and a \
                   delete may miss",
        ordering: "none: about in the order of sends; what comes back stands where it stood",
        dead_letters: DEAD_LETTERS,
        facts: FACTS,
        nouns: &[],
        words: WORDS,
        not_modelled: &[
            NOT_MODELLED,
            &[
                ("FifoQueue", "say it with the product: sqs-fifo"),
                ("fair queues", "a group id changes nothing"),
                ("short polls of a subset of servers", "a short poll finds whatever is visible"),
            ],
        ],
        read: |values| settings(values, Kind::Standard { loose: values.word("looseness") != Some("none") }),
        read_message: envelope,
        read_client: subscription,
    },
    Product {
        name: "sqs-fifo",
        title: "Amazon SQS FIFO: in order within a group, deduplicated on send for 5 minutes",
        parameters: &[
            VISIBILITY_TIMEOUT,
            DELAY_SECONDS,
            RETENTION,
            RECEIVE_WAIT,
            REDRIVE_POLICY,
            CONTENT_BASED,
            SCOPE,
            THROUGHPUT,
        ],
        message: &[GROUP, DEDUP_ID, BODY],
        client: CLIENT,
        delivery: "at least once: a send is deduplicated for 5 minutes, a run is not; a visibility timeout that ends brings a message \
                   back, and its old receipt no longer deletes",
        ordering: "by group, for what is delivered once and settled in order; while something of a group is in flight, no other \
                   receive gets any of it",
        dead_letters: DEAD_LETTERS,
        facts: FACTS,
        nouns: &[],
        words: WORDS,
        not_modelled: &[
            NOT_MODELLED,
            &[
                ("FifoQueue", "the product says it"),
                ("ReceiveRequestAttemptId", "in recorded scripts only: a client here makes a new attempt each time"),
                ("look-ahead", "a huge backlog of one blocked group does not starve the others"),
            ],
        ],
        read: |values| {
            let content_based = values.switch("ContentBasedDeduplication").unwrap_or(false);
            let by_group = values.word("DeduplicationScope") == Some("messageGroup");
            if values.word("FifoThroughputLimit") == Some("perMessageGroupId") && !by_group {
                return Err(
                    "`FifoThroughputLimit = \"perMessageGroupId\"` needs `DeduplicationScope = \"messageGroup\"`"
                        .into(),
                );
            }
            settings(values, Kind::Fifo { content_based, by_group })
        },
        read_message: envelope,
        read_client: subscription,
    },
];

fn settings(values: &Values, kind: Kind) -> Result<broker::Settings, String> {
    let default = Settings::default();
    let redrive = match values.table("RedrivePolicy") {
        None => None,
        Some(policy) => match (policy.queue("deadLetterTargetArn"), policy.whole("maxReceiveCount")) {
            (Some(to), Some(most)) => Some(Redrive { to, max_receive_count: most as u16 }),
            _ => return Err("a RedrivePolicy needs `deadLetterTargetArn` and `maxReceiveCount`".into()),
        },
    };
    Ok(broker::Settings::Sqs(Settings {
        visibility_timeout: values.span("VisibilityTimeout").unwrap_or(default.visibility_timeout),
        delay: values.span("DelaySeconds").unwrap_or(default.delay),
        retention: values.span("MessageRetentionPeriod").unwrap_or(default.retention),
        receive_wait: values.span("ReceiveMessageWaitTimeSeconds").unwrap_or(default.receive_wait),
        redrive,
        kind,
    }))
}

fn envelope(values: &Values) -> Result<broker::Envelope, String> {
    for name in ["MessageGroupId", "MessageDeduplicationId"] {
        if values.text(name).is_some_and(|text| !super::is_id(&text.plain())) {
            return Err(format!("`{name}` has 1 to 128 letters, digits and signs, and no space"));
        }
    }
    Ok(broker::Envelope::Sqs(Envelope {
        group: values.text("MessageGroupId"),
        dedup: values.text("MessageDeduplicationId"),
        body: values.text("MessageBody"),
        delay: values.span("DelaySeconds"),
    }))
}

fn subscription(values: &Values) -> Result<broker::Subscription, String> {
    let default = Subscription::default();
    Ok(broker::Subscription::Sqs(Subscription {
        max_messages: values.whole("MaxNumberOfMessages").map_or(default.max_messages, |n| n as u16),
        wait: values.span("WaitTimeSeconds"),
        visibility_timeout: None,
        attempt: None,
        poll_pause: values.span("poll_pause").unwrap_or(default.poll_pause),
    }))
}
