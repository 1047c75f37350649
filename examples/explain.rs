//! Shows what a client on this machine would be set up with: every option with its value and who said so, and what each source
//! of credentials answers. No secret is printed. The first thing to run, and to send along, when something is not as
//! expected.
//!
//! ```text
//! cargo run --example explain
//! ```

use integration_s3::S3Client;
use integration_s3::credentials::{CredentialsChain, Surroundings};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!("Options (code > environment > profile > default)\n");
    let report = S3Client::builder().load_environment().explain();
    print!("{report}");
    if report.problems().is_empty() {
        println!("A client can be made of this.");
    } else {
        println!("No client can be made of this: S3Client::from_env() answers with the first problem.");
    }

    println!("\nCredentials, in the order in which sources are asked; metadata services may take a few seconds\n");
    // STS and SSO are asked as the store is: through its proxies, with its certificates.
    let machine = Surroundings::system();
    let machine = match S3Client::from_env().await {
        Ok(client) => machine.with_service_transport(client.config().transport.clone()),
        Err(_) => machine,
    };
    println!("{}", CredentialsChain::standard(machine).explain().await);
}
