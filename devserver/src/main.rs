//! `devserver [PORT] [BUCKET...]`: one server in the foreground, for use from other tools, until it is interrupted.

use std::process::ExitCode;

use integration_s3_devserver::DevServer;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("devserver: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let port = match std::env::args().nth(1) {
        None => 0,
        Some(text) => text.parse().map_err(|_| format!("usage: devserver [PORT] [BUCKET...]; {text:?} is no port"))?,
    };
    let builder = std::env::args().skip(2).fold(DevServer::builder().port(port), |it, bucket| it.bucket(bucket));
    let server = builder.start().await?;
    println!("AWS_ENDPOINT_URL={}", server.endpoint());
    println!("AWS_REGION={}", server.region());
    println!("AWS_ACCESS_KEY_ID={}", server.access_key());
    println!("AWS_SECRET_ACCESS_KEY={}", server.secret_key());
    std::future::pending::<()>().await;
    Ok(())
}
