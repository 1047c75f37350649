//! The server itself: a loopback listener, the gate, s3s, and the finishing touches on answers.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use hyper::body::Incoming;
use hyper::header::{CONNECTION, EXPECT, HeaderValue};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use s3s::host::SingleDomain;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::answers::{finish, refused};
use crate::documents;
use crate::gate::{Gate, Refusal};
use crate::secrets::Keys;
use crate::service::Service;
use crate::store::{Bucket as Stored, Settings, Store};
use crate::upstream::Upstream;
use crate::{DevServerBuilder, Stats};

/// The most a document (XML) may have.
const DOCUMENT: usize = 20 << 20;

/// What the connections share.
struct Shared {
    s3: S3Service,
    gate: Gate,
    requests: AtomicU64,
    connections: AtomicUsize,
}

/// A running listener.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    store: Arc<Store>,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start(builder: &DevServerBuilder) -> io::Result<Self> {
        let asked = SocketAddr::from((Ipv4Addr::LOCALHOST, builder.port));
        let listener = TcpListener::bind(asked).await.map_err(|error| {
            let advice = "name another port, or 0 for any that is free";
            io::Error::new(error.kind(), format!("cannot listen on {asked}: {error}; {advice}"))
        })?;
        let address = listener.local_addr()?;
        let settings = Settings {
            region: builder.region.clone(),
            account: builder.account_id.clone(),
            min_part_size: builder.min_part_size,
        };
        let domain = builder.domain.as_ref().map(|d| format!("{d}:{}", address.port()));
        let store = Arc::new(Store::new(settings.clone()));
        let made = builder.buckets.iter().map(|name| (name.clone(), Stored::new()));
        store.lock().buckets.extend(made);
        let mut s3 = S3ServiceBuilder::new(Service::new(Arc::clone(&store)));
        s3.set_auth(Keys { access_key: builder.access_key.clone(), secret_key: builder.secret_key.clone().into() });
        if let Some(domain) = &domain {
            s3.set_host(SingleDomain::new(domain).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?);
        }
        let shared = Arc::new(Shared {
            s3: s3.build(),
            gate: Gate { settings, session_token: builder.session_token.clone(), domain },
            requests: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, store, shared, task })
    }

    pub(crate) fn stats(&self) -> Stats {
        let state = self.store.lock();
        let buckets = || state.buckets.values();
        Stats {
            connections: self.shared.connections.load(Ordering::Relaxed),
            requests: self.shared.requests.load(Ordering::Relaxed),
            buckets: state.buckets.len(),
            objects: buckets().flat_map(|b| b.keys.values()).flatten().filter(|v| v.object.is_some()).count(),
            uploads: buckets().map(|b| b.uploads.len()).sum(),
        }
    }

    pub(crate) async fn stop(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Dropping this future closes the listener and, with the set, all connections.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    connections.spawn(serve(socket, Arc::clone(&shared)));
                }
                // Out of file descriptors, most likely: wait for some to come back.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Counts a connection for as long as it is open.
struct Counted(Arc<Shared>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn serve(socket: TcpStream, shared: Arc<Shared>) {
    shared.connections.fetch_add(1, Ordering::Relaxed);
    let counted = Counted(shared);
    let _ = socket.set_nodelay(true);
    let service = service_fn(|request| answer(request, &counted.0));
    // A client that goes away is its own affair.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
}

async fn answer(request: Request<Incoming>, shared: &Shared) -> Result<Response<Body>, HttpError> {
    let number = shared.requests.fetch_add(1, Ordering::Relaxed) + 1;
    let id = format!("{number:016X}");
    let resource = request.uri().path().to_owned();
    let attributes = request.uri().query().is_some_and(|q| q.split('&').any(|p| p.starts_with("attributes")));
    let head = request.method() == Method::HEAD;
    let expects = request.headers().contains_key(EXPECT);
    let (parts, body) = request.into_parts();
    let upstream = Upstream::new(body, expects);
    let body = Body::http_body(upstream.clone());
    let response = match admit(parts, body, shared).await {
        Ok(request) => shared.s3.call(request).await?,
        Err(refusal) => refused(&refusal, head),
    };
    let mut response = finish(response, &id, &resource, head, attributes);
    if !upstream.settle() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// Takes a request through the gate.
async fn admit(mut parts: Parts, mut body: Body, shared: &Shared) -> Result<Request<Body>, Refusal> {
    shared.gate.screen(&mut parts)?;
    if documents::expected(&parts) {
        let bytes = body.store_all_limited(DOCUMENT).await.map_err(|_| Refusal {
            status: StatusCode::BAD_REQUEST,
            code: "IncompleteBody".to_owned(),
            message: "The request body terminated unexpectedly".to_owned(),
            extra: Vec::new(),
        })?;
        documents::judge(&parts, &bytes)?;
        body = Body::from(bytes);
    }
    Ok(Request::from_parts(parts, body))
}
