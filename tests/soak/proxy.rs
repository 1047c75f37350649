//! A TCP proxy between the client and the real server that does harm, by plan. It knows HTTP/1.1 and nothing of S3
//! beyond which bucket a request is for.
//!
//! It stores a message and then forwards it, so that each fault has one meaning: either the server saw the whole
//! request, and acted on it before the client hears anything, or it will never see it. Requests for one bucket reach the server in
//! the order in which they came in. An attempt the client gave up can therefore not take effect later, and a test can
//! know what the store holds.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::faults::{ALL, Asked, Dice, Fault, answer};
use super::wire::{Framing, Wire, framing, header};

/// Which faults there shall be.
pub trait Plan: Send + Sync + 'static {
    /// The fault for this request, the `number`th of its bucket, with dice for the details.
    fn fault(&self, asked: &Asked, copy: bool, number: u64) -> (Option<Fault>, Dice);
}

/// One fault in `one_in` requests, the same ones for the same seed.
pub struct Random {
    pub seed: u64,
    pub one_in: usize,
}

impl Plan for Random {
    fn fault(&self, asked: &Asked, copy: bool, number: u64) -> (Option<Fault>, Dice) {
        let mut dice = Dice::of(self.seed, &asked.bucket, number);
        if !dice.one_in(self.one_in) {
            return (None, dice);
        }
        loop {
            let fault = ALL[dice.below(ALL.len())];
            // What few requests allow is done to those.
            if asked.allows(Fault::ErrorIn200, copy) && dice.one_in(3) {
                return (Some(Fault::ErrorIn200), dice);
            }
            if asked.allows(Fault::AnswerCorrupt, copy) && dice.one_in(4) {
                return (Some(Fault::AnswerCorrupt), dice);
            }
            if asked.allows(fault, copy) {
                return (Some(fault), dice);
            }
        }
    }
}

/// What the proxy did to a bucket's requests.
#[derive(Default)]
struct Subject {
    requests: u64,
    injected: Vec<(Fault, String)>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

struct Shared {
    server: SocketAddr,
    plan: Box<dyn Plan>,
    subjects: Mutex<HashMap<String, Subject>>,
    /// What each connection of a client is about, idle ones included.
    open: Mutex<HashMap<usize, String>>,
    requests: AtomicUsize,
    lost_creates: AtomicUsize,
}

pub struct Proxy {
    pub endpoint: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    pub async fn start(server_port: u16, plan: impl Plan) -> Self {
        // Small buffers, so that a proxy that takes nothing is felt.
        let socket = TcpSocket::new_v4().unwrap();
        let _ = socket.set_recv_buffer_size(32 << 10);
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let listener = socket.listen(1024).unwrap();
        let endpoint = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let shared = Arc::new(Shared {
            server: SocketAddr::from(([127, 0, 0, 1], server_port)),
            plan: Box::new(plan),
            subjects: Mutex::default(),
            open: Mutex::default(),
            requests: AtomicUsize::new(0),
            lost_creates: AtomicUsize::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { endpoint, shared, task }
    }

    /// The faults this bucket met since the last call, with what they were done to.
    pub fn injected(&self, bucket: &str) -> Vec<(Fault, String)> {
        self.shared.subjects().get_mut(bucket).map(|s| std::mem::take(&mut s.injected)).unwrap_or_default()
    }

    /// Connections of clients, idle ones included, by the last thing that was asked on them.
    pub fn connections(&self) -> Vec<String> {
        self.shared.open.lock().unwrap().values().cloned().collect()
    }

    pub fn requests(&self) -> usize {
        self.shared.requests.load(Relaxed)
    }

    /// Multipart uploads that began and whose ids never reached the client.
    pub fn lost_creates(&self) -> usize {
        self.shared.lost_creates.load(Relaxed)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((socket, _)) = accepted {
                let shared = Arc::clone(&shared);
                number += 1;
                connections.spawn(async move {
                    shared.notes(number, "nothing yet");
                    let _ = serve(Wire::new(socket), &shared, number).await;
                    shared.open.lock().unwrap().remove(&number);
                });
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection of a client, request after request.
async fn serve(mut client: Wire, shared: &Shared, number: usize) -> io::Result<()> {
    let mut server = None;
    while let Some(head) = client.head().await? {
        let text = String::from_utf8_lossy(&head).into_owned();
        let body = framing(&text).unwrap_or(Framing::Length(0));
        let asked = asked(&text, body);
        let copy = header(&text, "x-amz-copy-source").is_some();
        let (fault, dice, turn) = shared.judge(&asked, copy);
        shared.notes(number, format!("{} {} {} {fault:?}", asked.method, asked.path, asked.body));
        let exchange = Exchange { shared, asked, head, body, fault, dice, turn };
        match exchange.run(client, &mut server).await? {
            Some(goes_on) => client = goes_on,
            None => return Ok(()),
        }
    }
    Ok(())
}

fn asked(head: &str, body: Framing) -> Asked {
    let mut line = head.lines().next().unwrap_or_default().split(' ');
    let method = line.next().unwrap_or_default().to_owned();
    let target = line.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Asked {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        bucket: path.trim_start_matches('/').split('/').next().unwrap_or_default().to_owned(),
        body: if let Framing::Length(len) = body { len } else { 1 },
        ranged: header(head, "range").is_some(),
    }
}

impl Shared {
    fn subjects(&self) -> MutexGuard<'_, HashMap<String, Subject>> {
        self.subjects.lock().unwrap()
    }

    fn notes(&self, connection: usize, what: impl Into<String>) {
        self.open.lock().unwrap().insert(connection, what.into());
    }

    fn judge(&self, asked: &Asked, copy: bool) -> (Option<Fault>, Dice, Arc<tokio::sync::Mutex<()>>) {
        self.requests.fetch_add(1, Relaxed);
        let mut subjects = self.subjects();
        let subject = subjects.entry(asked.bucket.clone()).or_default();
        subject.requests += 1;
        let (fault, dice) = self.plan.fault(asked, copy, subject.requests);
        if let Some(fault) = fault {
            subject.injected.push((fault, format!("{} {}?{}", asked.method, asked.path, asked.query)));
        }
        (fault, dice, Arc::clone(&subject.turn))
    }
}

struct Exchange<'a> {
    shared: &'a Shared,
    asked: Asked,
    head: Vec<u8>,
    body: Framing,
    fault: Option<Fault>,
    dice: Dice,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Exchange<'_> {
    /// The client's connection, if it may go on.
    async fn run(mut self, mut client: Wire, server: &mut Option<Wire>) -> io::Result<Option<Wire>> {
        use Fault::*;
        let some = self.dice.below(self.asked.body);
        let limit =
            if matches!(self.fault, Some(RequestCut | RequestReset | RequestStalled)) { some } else { usize::MAX };
        let pause = (self.fault == Some(RequestTrickles)).then(|| Duration::from_millis(10));
        let mut body = client.body(self.body, limit, pause).await?;
        match self.fault {
            Some(RequestCut) => return Ok(close(client).await),
            Some(RequestReset) => {
                client.reset();
                return Ok(None);
            }
            Some(RequestStalled) => {
                client.stall().await;
                return Ok(None);
            }
            Some(RequestCorrupt) => body[some] ^= 1,
            Some(RequestDuplicate) => duplicate(&mut body, some, &mut self.dice),
            Some(Delayed) => tokio::time::sleep(Duration::from_millis(20 + self.dice.below(150) as u64)).await,
            Some(fault) => {
                if let Some(own) = answer(fault, &mut self.dice) {
                    client.send(&own).await?;
                    return Ok(Some(client));
                }
            }
            None => {}
        }
        if client.is_gone() {
            return Ok(None);
        }
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let answered = self.forward(&body, server).await;
        drop(turn);
        match answered? {
            Some((head, body)) => self.deliver(client, head, body).await,
            None => Ok(close(client).await),
        }
    }

    /// The server's whole answer, head and body.
    async fn forward(&mut self, body: &[u8], server: &mut Option<Wire>) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
        let kept = server.take().and_then(|mut wire| (!wire.is_gone()).then_some(wire));
        let mut wire = match kept {
            Some(wire) => wire,
            None => Wire::new(TcpStream::connect(self.shared.server).await?),
        };
        let request = [&self.head[..], body].concat();
        if self.fault == Some(Fault::RequestCutAtServer) {
            wire.send(&request[..self.dice.below(request.len())]).await?;
            wire.close().await;
            return Ok(None);
        }
        wire.send(&request).await?;
        let Some(head) = wire.head().await? else { return Ok(None) };
        let text = String::from_utf8_lossy(&head);
        let status = text.split(' ').nth(1).unwrap_or_default();
        let bare = self.asked.method == "HEAD" || matches!(status, "204" | "304");
        let framing = if bare { Framing::Length(0) } else { framing(&text).unwrap_or(Framing::Length(0)) };
        let body = wire.body(framing, usize::MAX, None).await?;
        let closes = header(&text, "connection").is_some_and(|v| v.eq_ignore_ascii_case("close"));
        if !closes && self.fault != Some(Fault::RequestDuplicate) {
            *server = Some(wire);
        }
        Ok(Some((head, body)))
    }

    async fn deliver(mut self, mut client: Wire, head: Vec<u8>, mut body: Vec<u8>) -> io::Result<Option<Wire>> {
        use Fault::*;
        let good = head.starts_with(b"HTTP/1.1 2");
        let closes = header(&String::from_utf8_lossy(&head), "connection") == Some("close");
        let some = self.dice.below(body.len());
        match self.fault {
            Some(AnswerCorrupt) if good && !body.is_empty() => body[some] ^= 1,
            Some(AnswerDuplicate) if good && !body.is_empty() => duplicate(&mut body, some, &mut self.dice),
            // Nothing to change in a refusal: not done, not counted.
            Some(AnswerCorrupt | AnswerDuplicate) => {
                self.fault = None;
                self.shared.subjects().entry(self.asked.bucket.clone()).or_default().injected.pop();
            }
            _ => {}
        }
        let whole = [head, body].concat();
        let part = &whole[..self.dice.below(whole.len())];
        if good && self.asked.creates_upload() && matches!(self.fault, Some(AnswerCut | AnswerReset | AnswerStalled)) {
            self.shared.lost_creates.fetch_add(1, Relaxed);
        }
        match self.fault {
            Some(AnswerCut) => {
                client.send(part).await?;
                return Ok(close(client).await);
            }
            Some(AnswerReset) => {
                client.send(part).await?;
                client.reset();
                return Ok(None);
            }
            Some(AnswerStalled) => {
                client.send(part).await?;
                client.stall().await;
                return Ok(None);
            }
            Some(AnswerTrickles) => {
                for piece in whole.chunks(whole.len() / 12 + 1) {
                    client.send(piece).await?;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
            _ => client.send(&whole).await?,
        }
        match self.fault {
            // The rubbish behind the answer has been sent; both ends are out of step.
            Some(AnswerDuplicate | RequestDuplicate) => Ok(close(client).await),
            Some(IdleClosed) => {
                tokio::time::sleep(Duration::from_millis(self.dice.below(8) as u64)).await;
                Ok(close(client).await)
            }
            _ if closes => Ok(close(client).await),
            _ => Ok(Some(client)),
        }
    }
}

async fn close(client: Wire) -> Option<Wire> {
    client.close().await;
    None
}

fn duplicate(body: &mut Vec<u8>, from: usize, dice: &mut Dice) {
    if body.is_empty() {
        return;
    }
    let to = from + 1 + dice.below((body.len() - from).min(64));
    let again = body[from..to.min(body.len())].to_vec();
    body.splice(from..from, again);
}
