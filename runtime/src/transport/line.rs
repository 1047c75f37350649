//! One connection, driven by whoever uses it: no task of its own, no hop from one to another.
//!
//! While a request is under way its own future polls the connection, and so does the body of its answer; idle, nobody does.
//! What the server does to an idle connection is seen when it is taken out again, or by the pool's sweeper.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::runtime::{Handle, Id};
use tokio::time::{Instant, Sleep};

use super::relay::Relay;
use super::upload::Outgoing;
use super::wire::{Taken, Wire};

/// How often a connection that keeps waking itself is polled before other tasks get their turn.
const ROUNDS: u32 = 8;

pub(super) struct Line {
    sender: SendRequest<Outgoing>,
    /// Taken out when it has ended: what waits for it then learns so.
    connection: Option<Connection<TokioIo<Wire>, Outgoing>>,
    taken: Arc<Taken>,
    relay: Arc<Relay>,
    /// The relay, as what is handed to the connection.
    waker: Waker,
    /// The timer of whoever uses the connection, kept so that none is registered per request.
    pub(super) sleep: Option<Pin<Box<Sleep>>>,
    pub(super) place: Place,
    /// The runtime that watches the socket.
    pub(super) home: Id,
    pub(super) born: Instant,
    pub(super) idle_since: Instant,
    /// It has served a request before.
    pub(super) used: bool,
}

/// What a connection leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) https: bool,
    pub(super) authority: Box<str>,
}

impl Line {
    /// A connection over an open wire. Nothing is sent.
    pub(super) async fn over(mut wire: Wire, place: Place) -> hyper::Result<Box<Self>> {
        wire.put_off_writes(true);
        let taken = wire.taken();
        let (sender, connection) = Builder::new().handshake(TokioIo::new(wire)).await?;
        let relay = Arc::new(Relay::default());
        let now = Instant::now();
        Ok(Box::new(Self {
            sender,
            connection: Some(connection),
            taken,
            waker: Waker::from(Arc::clone(&relay)),
            relay,
            sleep: None,
            place,
            home: Handle::current().id(),
            born: now,
            idle_since: now,
            used: false,
        }))
    }

    /// Hands a request over. It goes out when the connection is [driven](Self::drive).
    pub(super) fn send(&mut self, request: Request<Outgoing>) -> impl Future<Output = Answer> + use<> {
        self.sender.try_send_request(request)
    }

    /// Polls the connection and what is wanted of it, until that is there or neither can go on.
    pub(super) fn drive<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut wanted: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.relay.begin(cx.waker());
        for _ in 0..ROUNDS {
            poll(&mut self.connection, &self.waker);
            if let Poll::Ready(there) = wanted(&mut Context::from_waker(&self.waker)) {
                self.relay.end();
                return Poll::Ready(there);
            }
            if !self.relay.again() {
                return Poll::Pending;
            }
        }
        self.relay.end();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// How many bytes the system has taken so far. More than a while ago: somebody takes them.
    pub(super) fn taken(&self) -> u64 {
        self.taken.bytes()
    }

    /// For what waits along with the connection: it wakes whoever drives it at the time.
    pub(super) fn context(&self) -> Context<'_> {
        Context::from_waker(&self.waker)
    }

    /// Whether the connection can take another request now. Asked when nobody waits for anything of it.
    pub(super) fn rests(&mut self) -> bool {
        self.relay.leave();
        if self.connection.is_some() && !self.sender.is_ready() {
            poll(&mut self.connection, &self.waker);
        }
        self.connection.is_some() && self.sender.is_ready()
    }

    /// Whether the server has hung up, or spoken unasked, while the connection idled.
    pub(super) fn is_over(&mut self) -> bool {
        poll(&mut self.connection, &self.waker);
        self.connection.is_none()
    }

    /// The same, and the system is asked: the runtime may have been too busy to hear of it.
    pub(super) fn has_ended(&mut self) -> bool {
        self.taken.ask(true);
        let over = self.is_over();
        self.taken.ask(false);
        over
    }

    /// Ends the connection in the middle of things. Closed in order, the end would queue behind bytes that perhaps nobody
    /// takes, and the socket live on as long as the peer likes.
    pub(super) fn abort(mut self) {
        if let Some(connection) = self.connection.take() {
            connection.into_parts().io.inner().reset_on_close();
        }
    }
}

pub(super) type Answer = Result<Response<Incoming>, TrySendError<Request<Outgoing>>>;

fn poll(connection: &mut Option<Connection<TokioIo<Wire>, Outgoing>>, waker: &Waker) {
    if let Some(open) = connection
        && Pin::new(open).poll(&mut Context::from_waker(waker)).is_ready()
    {
        // Its error has gone to whoever waits for the answer or the body.
        *connection = None;
    }
}
