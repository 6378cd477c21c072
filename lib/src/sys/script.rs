// SPDX-License-Identifier: MIT OR Apache-2.0

//! Back end: a scripted exchange, for unit tests of clients.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;

use super::MessageSocket;
use crate::wire::policy::Message;

/// One step of a script.
#[derive(Clone, Debug)]
pub enum Step {
    /// The client must send just this message.
    Expect(Vec<u8>),
    /// The client receives this message.
    Reply(Vec<u8>),
    /// Receiving fails.
    Fail(io::ErrorKind),
}

impl Step {
    /// The client must send just this message.
    #[must_use]
    pub fn expect(message: &Message) -> Self {
        Self::Expect(message.encode())
    }

    /// The client receives this message.
    #[must_use]
    pub fn reply(message: &Message) -> Self {
        Self::Reply(message.encode())
    }
}

/// A connection that follows a script. A step out of turn is an error of kind
/// `InvalidInput`, which names what was expected.
#[derive(Clone, Debug, Default)]
pub struct ScriptedSocket {
    steps: Rc<RefCell<VecDeque<Step>>>,
    received: Vec<u8>,
}

impl ScriptedSocket {
    /// A connection for these steps.
    #[must_use]
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: Rc::new(RefCell::new(steps.into_iter().collect())), received: Vec::new() }
    }

    /// How many steps are left; clones share one script.
    #[must_use]
    pub fn left(&self) -> usize {
        self.steps.borrow().len()
    }
}

impl MessageSocket for ScriptedSocket {
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let mut steps = self.steps.borrow_mut();
        // Several requests may be in flight: the next expected one counts.
        let next = steps.iter().position(|step| matches!(step, Step::Expect(_)));
        match next.map(|at| (at, steps[at].clone())) {
            Some((at, Step::Expect(expected))) if expected == message => {
                steps.remove(at);
                Ok(())
            }
            expected => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("script expected {expected:x?}, client sent {message:x?}"),
            )),
        }
    }

    fn receive(&mut self) -> io::Result<&[u8]> {
        match self.steps.borrow_mut().pop_front() {
            Some(Step::Reply(bytes)) => self.received = bytes,
            Some(Step::Fail(kind)) => return Err(kind.into()),
            other => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!("client waits for a reply, the script is at {other:x?}"),
                ));
            }
        }
        Ok(&self.received)
    }
}

#[cfg(test)]
mod tests {
    use super::super::policy::{PolicyClient, PolicyError, Scope};
    use super::*;
    use crate::model::Side;
    use crate::wire::errno::Errno;
    use crate::wire::policy::{Diagnostic, Ext, MsgType, RulesetExt, TunNameExt};

    fn client(steps: Vec<Step>) -> (PolicyClient, ScriptedSocket) {
        let socket = ScriptedSocket::new(steps);
        (PolicyClient::new(Box::new(socket.clone())), socket)
    }

    #[test]
    fn an_error_reply_becomes_a_refusal_with_its_diagnostic() {
        let request = Message::request(MsgType::FLIP, 0).with(Ext::TunName(TunNameExt::all()));
        let mut answer = Message::request(MsgType::FLIP, 0);
        answer.header.errno = Errno::EINVAL;
        answer.header.diagnostic = Diagnostic::BAD_SPDID;
        let (mut client, script) = client(vec![Step::expect(&request), Step::reply(&answer)]);
        let refusal = client.flip_all().unwrap_err().refusal().unwrap();
        assert_eq!((refusal.errno, refusal.diagnostic), (Errno::EINVAL, Diagnostic::BAD_SPDID));
        assert_eq!(script.left(), 0);
    }

    #[test]
    fn a_dump_that_changed_midway_ends_with_eagain() {
        let set = Ext::Ruleset(RulesetExt { count: 0, version: 7 });
        let header = Message::request(MsgType::DUMP, 0).with(set.clone());
        let mut trailer = header.clone();
        trailer.header.errno = Errno::EAGAIN;
        let (mut client, _) = client(vec![
            Step::expect(&Message::request(MsgType::DUMP, 0)),
            Step::reply(&header),
            Step::reply(&trailer),
        ]);
        let items: Vec<_> = client.dump(Side::Active, &Scope::Global).unwrap().collect();
        assert_eq!(items.len(), 1);
        assert!(items[0].as_ref().unwrap_err().to_string().contains("EAGAIN"));
    }

    #[test]
    fn rules_and_tunnels_are_read_again_when_the_policy_changed() {
        let request = Message::request(MsgType::DUMP, 0).with(Ext::TunName(TunNameExt::all()));
        let set = Ext::Ruleset(RulesetExt { count: 0, version: 7 });
        let header = Message::request(MsgType::DUMP, 0).with(set);
        let mut changed = header.clone();
        changed.header.errno = Errno::EAGAIN;
        let steps = || {
            vec![
                Step::expect(&request),
                Step::reply(&header),
                Step::reply(&changed),
                Step::expect(&request),
                Step::reply(&header),
                Step::reply(&header),
            ]
        };
        let (mut rules, script) = client(steps());
        assert_eq!(rules.rules(Side::Active, &Scope::All).unwrap(), []);
        assert_eq!(script.left(), 0);
        let (mut tunnels, script) = client(steps());
        assert!(tunnels.tunnels(Side::Active, &Scope::All).unwrap().is_empty());
        assert_eq!(script.left(), 0);
    }

    #[test]
    fn a_connection_that_ends_is_an_error_of_the_request() {
        let (mut client, _) = client(vec![
            Step::expect(&Message::request(MsgType::ALGLIST, 0)),
            Step::Fail(io::ErrorKind::UnexpectedEof),
        ]);
        let error = client.algorithms().unwrap_err();
        assert!(matches!(error, PolicyError::Receive { request: MsgType::ALGLIST, .. }));
    }

    #[test]
    fn garbage_in_a_reply_is_described_and_does_not_panic() {
        let (mut client, _) = client(vec![
            Step::expect(&Message::request(MsgType::ALGLIST, 0)),
            Step::Reply(vec![1, 8, 0, 0, 9, 0, 0]),
        ]);
        assert!(client.algorithms().unwrap_err().to_string().contains("7 bytes"));
    }
}
