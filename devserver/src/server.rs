//! The server itself: a loopback listener, the gate, s3s, and the finishing touches on answers.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::host::SingleDomain;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::gate::{self, Gate, Refusal};
use crate::service::Service;
use crate::store::{Settings, Store};
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
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, builder.port)).await?;
        let address = listener.local_addr()?;
        let settings = Settings {
            region: builder.region.clone(),
            account: builder.account_id.clone(),
            min_part_size: builder.min_part_size,
        };
        let domain = builder.domain.as_ref().map(|d| format!("{d}:{}", address.port()));
        let store = Arc::new(Store::new(settings.clone()));
        let mut s3 = S3ServiceBuilder::new(Service::new(Arc::clone(&store)));
        s3.set_auth(SimpleAuth::from_single(builder.access_key.clone(), builder.secret_key.clone()));
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
    let response = match admit(request, shared).await {
        Ok(request) => shared.s3.call(request).await?,
        Err(refusal) => refused(&refusal, head),
    };
    Ok(finish(response, &id, &resource, head, attributes))
}

/// Takes a request through the gate.
async fn admit(request: Request<Incoming>, shared: &Shared) -> Result<Request<Body>, Refusal> {
    let (mut parts, body) = request.into_parts();
    shared.gate.screen(&mut parts)?;
    let mut body = Body::from(body);
    if gate::is_document(&parts) {
        let bytes = body.store_all_limited(DOCUMENT).await.map_err(|_| Refusal {
            status: StatusCode::BAD_REQUEST,
            code: "IncompleteBody".to_owned(),
            message: "The request body terminated unexpectedly".to_owned(),
            extra: Vec::new(),
        })?;
        gate::document(&parts, &bytes)?;
        body = Body::from(bytes);
    }
    Ok(Request::from_parts(parts, body))
}

fn refused(refusal: &Refusal, head: bool) -> Response<Body> {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error>");
    let mut element = |name: &str, text: &str| {
        xml.push_str(&format!("<{name}>{}</{name}>", escape(text)));
    };
    element("Code", &refusal.code);
    element("Message", &refusal.message);
    refusal.extra.iter().for_each(|(name, text)| element(name, text));
    xml.push_str("</Error>");
    let region = refusal.extra.iter().find(|(name, _)| *name == "Region").map(|(_, text)| text);
    let mut response = Response::new(if head { Body::empty() } else { Body::from(xml) });
    *response.status_mut() = refusal.status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    if let Some(region) = region.and_then(|r| HeaderValue::from_str(r).ok()) {
        response.headers_mut().insert(HeaderName::from_static("x-amz-bucket-region"), region);
    }
    response
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Request ids, the elements s3s leaves out of error bodies, 206 for HEAD, bare entity tags in attributes.
fn finish(mut response: Response<Body>, id: &str, resource: &str, head: bool, attributes: bool) -> Response<Body> {
    let host_id = gate::host_id(id);
    for (name, value) in [("x-amz-request-id", id), ("x-amz-id-2", &host_id), ("server", "integration-s3-devserver")] {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    if head {
        if response.headers().contains_key(CONTENT_RANGE) && response.status() == StatusCode::OK {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
        if response.status().is_client_error() {
            *response.body_mut() = Body::empty();
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        return response;
    }
    if response.status() == StatusCode::NOT_MODIFIED {
        *response.body_mut() = Body::empty();
        return response;
    }
    let failed = response.status().is_client_error() || response.status().is_server_error();
    if (failed || attributes)
        && let Some(text) = response.body().bytes().and_then(|b| String::from_utf8(b.to_vec()).ok())
    {
        let text = if failed {
            let more = format!(
                "<Resource>{}</Resource><RequestId>{id}</RequestId><HostId>{host_id}</HostId></Error>",
                escape(resource)
            );
            text.replace("</Error>", &more)
        } else {
            text.replace("<ETag>\"", "<ETag>").replace("\"</ETag>", "</ETag>")
        };
        response.headers_mut().remove(CONTENT_LENGTH);
        *response.body_mut() = Body::from(text);
    }
    response
}
