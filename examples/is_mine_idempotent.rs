//! Is my consumer idempotent? Two consumers of ours in the simulated consumer's seat, under every schedule with one crash
//! or one late event. The first breaks, and its smallest story is printed; the second holds.
//!
//!     cargo run --example is_mine_idempotent

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::rc::Rc;

use redelivery::model::broker::{Settings, plain};
use redelivery::model::plan::{Plan, Small};
use redelivery::ways::trial::{At, Handler, Message, Trial};

/// Looks whether it has seen the operation, charges, and only then notes that it has. What is in here survives a crash: it
/// stands for the database and for the card network.
#[derive(Clone, Default)]
struct CheckThenCharge {
    seen: Rc<RefCell<BTreeSet<u32>>>,
    charged: Rc<RefCell<BTreeMap<u32, u32>>>,
}

impl Handler for CheckThenCharge {
    fn handle(&self, message: Message, at: At) -> impl Future<Output = Result<(), String>> + 'static {
        let this = self.clone();
        async move {
            if !this.seen.borrow().contains(&message.op) {
                at.point("looked up").await;
                *this.charged.borrow_mut().entry(message.op).or_default() += 1;
                at.point("charged").await;
                this.seen.borrow_mut().insert(message.op);
            }
            at.ack().await;
            Ok(())
        }
    }

    fn effects(&self, op: u32) -> Option<u32> {
        Some(self.charged.borrow().get(&op).copied().unwrap_or(0))
    }
}

/// Charges and notes in one step that nothing can cut in two: one transaction, or an idempotency key at the network.
#[derive(Clone, Default)]
struct ChargeOnce(CheckThenCharge);

impl Handler for ChargeOnce {
    fn handle(&self, message: Message, at: At) -> impl Future<Output = Result<(), String>> + 'static {
        let this = self.0.clone();
        async move {
            at.point("about to charge").await;
            if this.seen.borrow_mut().insert(message.op) {
                *this.charged.borrow_mut().entry(message.op).or_default() += 1;
            }
            at.ack().await;
            Ok(())
        }
    }

    fn effects(&self, op: u32) -> Option<u32> {
        self.0.effects(op)
    }
}

/// Two payments for two processes, either of which may crash.
fn world() -> Plan {
    Small::on(Settings::Plain(plain::Settings::default())).foreign()
}

fn main() {
    let broken = Trial::of(world()).check(CheckThenCharge::default).expect_err("a check is not a transaction");
    println!("check-then-charge\n{broken:?}\n");

    let covered = Trial::of(world()).check(ChargeOnce::default).expect("charged once under every schedule");
    println!("charge-once holds: {covered:?}");
}
