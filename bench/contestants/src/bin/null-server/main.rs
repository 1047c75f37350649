//! A null S3: answers as little as a client can accept, as fast as it can. One thread; checks nothing.
//!
//! `null-server [PORT [FILE]]` prints its address on the first line; without a port, or with 0, it takes a free one. With a file it
//! makes a certificate for 127.0.0.1, writes that of its authority there, and prints the address it speaks TLS at on the second.
//!
//! | request | answer |
//! |---|---|
//! | GET, HEAD `/bucket/SIZE/...` | an object of SIZE bytes; `Range` is honoured, and the stored CRC-64 sent to who asks |
//! | PUT `/bucket/...` | 200; the body is read and forgotten |
//! | GET `/list-N?list-type=2` | N pages of 1,000 keys, 366 kB each |
//! | POST `?uploads`, `?uploadId=...` | what a multipart upload needs |

mod answers;
mod body;
mod secure;

use std::convert::Infallible;
use std::error::Error;
use std::path::Path;
use std::rc::Rc;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use answers::Answers;
use body::Body;

fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or_default();
    let tls = std::env::args().nth(2).map(|file| secure::acceptor(Path::new(&file))).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    Ok(tokio::task::LocalSet::new().block_on(&runtime, serve(port, tls))?)
}

async fn serve(port: u16, tls: Option<TlsAcceptor>) -> std::io::Result<()> {
    let answers = Rc::new(Answers::new());
    let plain = listen(port).await?;
    if tls.is_some() {
        tokio::task::spawn_local(accept(listen(0).await?, tls, answers.clone()));
    }
    accept(plain, None, answers).await
}

async fn listen(port: u16) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("{}", listener.local_addr()?);
    Ok(listener)
}

/// A client that goes away in the middle is none of our business: it says why itself.
async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, answers: Rc<Answers>) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let _ = stream.set_nodelay(true);
        let (tls, answers) = (tls.clone(), answers.clone());
        tokio::task::spawn_local(async move {
            match tls {
                None => converse(stream, answers).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        converse(stream, answers).await;
                    }
                }
            }
        });
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, answers: Rc<Answers>) {
    let service = service_fn(move |request| answer(answers.clone(), request));
    let server = hyper::server::conn::http1::Builder::new().max_buf_size(1 << 20).clone();
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(answers: Rc<Answers>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (head, mut body) = request.into_parts();
    while let Some(Ok(_)) = body.frame().await {}
    Ok(answers.to(&head))
}
