// SPDX-License-Identifier: MIT OR Apache-2.0

//! Random work of three who do not know of each other, compared with a simple model: none
//! ever loses, changes or gets a second time what belongs to another.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Type, SPI, and whether it is for what arrives.
type Key = (u8, u32, bool);

/// An association of the model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    owner: Option<String>,
    larval: bool,
    hard: u64,
    pair: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Add(Option<u32>),
    GetSpi,
    Complete,
    Update(u64),
    Get,
    Delete,
    DeletePair,
    DeleteByAddresses,
    /// Of the type, or of both.
    Flush(bool),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => proptest::option::of(1..5u32).prop_map(Op::Add),
        3 => Just(Op::GetSpi),
        2 => Just(Op::Complete),
        3 => (1..100u64).prop_map(Op::Update),
        2 => Just(Op::Get),
        3 => Just(Op::Delete),
        2 => Just(Op::DeletePair),
        1 => Just(Op::DeleteByAddresses),
        1 => any::<bool>().prop_map(Op::Flush),
    ]
}

fn key() -> impl Strategy<Value = Key> {
    (prop_oneof![Just(2u8), Just(3u8)], 1..5u32, any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn three_do_not_disturb_each_other(
        steps in vec((op(), key(), prop::sample::select(&ALL[..])), 1..60),
    ) {
        let mut world = World::new();
        let mut model = Model::default();
        for (op, key, who) in steps {
            let Some((request, wanted)) = model.apply(op, key, who) else { continue };
            let found = world.ask(request, who);
            prop_assert_eq!(found, wanted, "{:?} {:?} {:?}", op, key, who);
            prop_assert_eq!(dumped(&mut world), model.rows(), "after {:?} {:?} {:?}", op, key, who);
        }
        for who in [A, B] {
            let dump = tagged(Message::request(MsgType::DUMP, SaType::UNSPEC), who);
            let own = model.0.values().filter(|row| row.owner.as_deref() == who).count();
            prop_assert_eq!(world.records(&dump).len(), own);
        }
    }
}

/// Everything that there is.
fn dumped(world: &mut World) -> Vec<(Key, Row)> {
    let answers = world.answers(&any_owner(Message::request(MsgType::DUMP, SaType::UNSPEC)));
    let (_, records) = answers.split_last().unwrap();
    let mut rows: Vec<_> = records
        .iter()
        .map(|message| {
            let sa = Sa::from_message(message).unwrap();
            let row = Row {
                owner: owner(message),
                larval: sa.state == SaState::LARVAL,
                hard: sa.hard.addtime,
                pair: sa.pair,
            };
            ((sa.kind.0, sa.spi, sa.dst.addr == addr(HERE)), row)
        })
        .collect();
    rows.sort();
    rows
}

#[derive(Default)]
struct Model(BTreeMap<Key, Row>);

impl Model {
    fn rows(&self) -> Vec<(Key, Row)> {
        self.0.iter().map(|(key, row)| (*key, row.clone())).collect()
    }

    fn owns(&self, key: &Key, who: Who) -> Option<&Row> {
        self.0.get(key).filter(|row| row.owner.as_deref() == who)
    }

    /// The request, and the answer to it; nothing for what is left out.
    fn apply(&mut self, op: Op, key: Key, who: Who) -> Option<(Message, (Errno, Diagnostic))> {
        let (kind, spi, inbound) = key;
        let satype = SaType(kind);
        let make = if inbound { sa } else { leaving };
        let request = |kind| about_either(kind, satype, spi, inbound);
        let new = |larval| Row { owner: who.map(str::to_owned), larval, hard: 0, pair: None };
        Some(match op {
            Op::Add(pair) => {
                let partner = pair.map(|pair| (kind, pair, !inbound));
                // What becomes of a pair with one that is not completed is another matter.
                if partner.is_some_and(|one| self.0.get(&one).is_some_and(|row| row.larval)) {
                    return None;
                }
                let mut sa = make(satype, spi);
                sa.pair = pair;
                let wanted = self.add(key, partner, who, new(false));
                (sa.add_request(), wanted)
            }
            // What it takes is for what arrives.
            Op::GetSpi if inbound => {
                let wanted = self.add(key, None, who, new(true));
                (getspi(satype, spi), wanted)
            }
            Op::GetSpi => return None,
            Op::Complete => {
                if self.owns(&key, who).is_some_and(|row| !row.larval) {
                    return None;
                }
                let found = self.owns(&key, who).is_some();
                if found {
                    self.0.insert(key, new(false));
                }
                let mut update = make(satype, spi).add_request();
                update.header.kind = MsgType::UPDATE;
                (update, if found { OK } else { GONE })
            }
            Op::Update(hard) => {
                if self.owns(&key, who).is_some_and(|row| row.larval) {
                    return None;
                }
                let found = self.owns(&key, who).is_some();
                if let Some(row) = self.0.get_mut(&key).filter(|_| found) {
                    row.hard = hard;
                }
                (request(MsgType::UPDATE).with(limits(hard)), if found { OK } else { GONE })
            }
            Op::Get => {
                let found = self.owns(&key, who).is_some();
                (request(MsgType::GET), if found { OK } else { GONE })
            }
            Op::Delete => {
                let wanted = if self.owns(&key, who).is_some() { OK } else { GONE };
                if wanted == OK {
                    self.remove(&key);
                }
                (request(MsgType::DELETE), wanted)
            }
            Op::DeletePair => {
                let wanted = match self.owns(&key, who).map(|row| row.pair) {
                    None => GONE,
                    Some(None) => (Errno::ESRCH, Diagnostic::PAIR_SA_NOTFOUND),
                    Some(Some(_)) => OK,
                };
                if let Some(partner) = (wanted != GONE).then(|| self.remove(&key)).flatten() {
                    self.0.remove(&partner);
                }
                (request(MsgType::X_DELPAIR), wanted)
            }
            Op::DeleteByAddresses => {
                let own = |(key, row): (&Key, &Row)| {
                    let matches = (key.0, key.2) == (kind, inbound) && !row.larval;
                    (matches && row.owner.as_deref() == who).then_some(*key)
                };
                let gone: Vec<Key> = self.0.iter().filter_map(own).collect();
                for key in gone {
                    self.remove(&key);
                }
                let mut request = request(MsgType::DELETE);
                request.exts.retain(|ext| !matches!(ext, Ext::Sa(_)));
                (request, OK)
            }
            Op::Flush(one) => {
                let all = !one;
                self.0.retain(|key, row| row.owner.as_deref() != who || !all && key.0 != kind);
                let satype = if all { SaType::UNSPEC } else { satype };
                (Message::request(MsgType::FLUSH, satype), OK)
            }
        })
    }

    fn add(&mut self, key: Key, partner: Option<Key>, who: Who, row: Row) -> (Errno, Diagnostic) {
        if let Some(partner) = partner
            && (partner.1 == key.1 || self.owns(&partner, who).is_none())
        {
            return (Errno::EINVAL, Diagnostic::PAIR_INAPPROPRIATE);
        }
        if let Some(taken) = self.0.get(&key) {
            let other = who.is_some() && taken.owner.as_deref() != who;
            let why = if other { Diagnostic::NAMESPACE_CONFLICT } else { Diagnostic::NONE };
            return (Errno::EEXIST, why);
        }
        self.0.insert(key, row);
        if let Some(partner) = partner
            && self.0[&partner].pair.is_none()
        {
            self.0.entry(partner).and_modify(|row| row.pair = Some(key.1));
            self.0.entry(key).and_modify(|row| row.pair = Some(partner.1));
        }
        OK
    }

    /// Removes one; the other one of its pair is alone then.
    fn remove(&mut self, key: &Key) -> Option<Key> {
        let row = self.0.remove(key)?;
        let partner = (key.0, row.pair?, !key.2);
        self.0.entry(partner).and_modify(|row| row.pair = None);
        Some(partner)
    }
}

fn about_either(kind: MsgType, satype: SaType, spi: u32, inbound: bool) -> Message {
    let mut message = about(kind, satype, spi);
    if !inbound {
        message.exts.truncate(1);
        message.exts.push(address(ExtType::ADDRESS_SRC, HERE));
        message.exts.push(address(ExtType::ADDRESS_DST, THERE));
    }
    message
}
