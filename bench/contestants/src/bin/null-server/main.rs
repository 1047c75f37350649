//! A null S3: answers as little as a client can accept, as fast as it can. One thread; checks nothing.
//!
//! `null-server [PORT]` prints its address on the first line; without a port it takes a free one.
//!
//! | request | answer |
//! |---|---|
//! | GET, HEAD `/bucket/SIZE/...` | an object of SIZE bytes; `Range` is honoured, and the stored CRC-64 sent to who asks |
//! | PUT `/bucket/...` | 200; the body is read and forgotten |
//! | GET `/list-N?list-type=2` | N pages of 1,000 keys, 366 kB each |
//! | POST `?uploads`, `?uploadId=...` | what a multipart upload needs |

mod answers;
mod body;

use std::convert::Infallible;
use std::rc::Rc;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use answers::Answers;
use body::Body;

fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, serve(port))
}

async fn serve(port: u16) -> std::io::Result<()> {
    let answers = Rc::new(Answers::new());
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::task::spawn_local(converse(stream, answers.clone()));
    }
}

/// A client that goes away in the middle is none of our business.
async fn converse(stream: TcpStream, answers: Rc<Answers>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(answers.clone(), request));
    let server = hyper::server::conn::http1::Builder::new().max_buf_size(1 << 20).clone();
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(answers: Rc<Answers>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (head, mut body) = request.into_parts();
    while let Some(Ok(_)) = body.frame().await {}
    Ok(answers.to(&head))
}
