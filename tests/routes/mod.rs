//! Worlds in which a producer publishes through an exchange.

use redelivery::model::broker::rabbitmq::{Binding, Bound, Envelope, Exchange, ExchangeKind, Topology};
use redelivery::model::broker::{self};
use redelivery::model::plan::{Plan, QueueId};

/// The first producer publishes to each of the first two queues.
pub fn fan_out(plan: &mut Plan) {
    let bind = |number| Binding { from: 0, to: Bound::Queue(number), key: String::new(), args: Vec::new() };
    plan.topology.rabbitmq = Topology {
        exchange_names: vec!["all".into()],
        exchanges: vec![Exchange {
            name: 0,
            kind: ExchangeKind::Fanout,
            durable: true,
            alternate: None,
            hash_header: None,
        }],
        bindings: vec![bind(0), bind(1)],
        ..plan.topology.rabbitmq.clone()
    };
    let envelope = Envelope { exchange: Some(0), ..Envelope::default() };
    plan.producers[0].message = Some(broker::Envelope::Rabbitmq(envelope));
    plan.producers[0].homes = vec![QueueId(0), QueueId(1)];
}
