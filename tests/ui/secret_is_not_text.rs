//! A secret can be neither printed nor serialized by accident.
fn example(secret: integration_s3::SecretString) {
    println!("{secret}");
}

fn main() {}
