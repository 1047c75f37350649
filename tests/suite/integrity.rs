//! Checksums a stranger computes as well: what he accepts, what he refuses, and what he says was stored.

use integration_s3::error::ErrorKind;
use integration_s3::integrity::{Algorithm, Composite, Hasher, Verification};
use integration_s3::operations::PutObject;
use integration_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use integration_s3::{Bucket, ByteStream};

use crate::{Case, case};

/// Two chunks and a bit, so that frames and sums go over their borders.
fn content() -> Vec<u8> {
    (0..150_000u32).map(|at| (at % 251) as u8).collect()
}

fn stream(content: &[u8]) -> ByteStream {
    let pieces: Vec<_> = content.chunks(7_001).map(|it| Ok::<_, std::io::Error>(it.to_vec().into())).collect();
    ByteStream::from_stream(futures_util::stream::iter(pieces), Some(content.len() as u64))
}

async fn puts_and_reads_back(bucket: &Bucket, algorithm: Algorithm, body: ByteStream) {
    let put = bucket.put_object("a", body).checksum_algorithm(ChecksumAlgorithm::from(algorithm.as_str()));
    put.await.unwrap();
    let got = bucket.get_object("a").checksum_mode("ENABLED").await.unwrap();
    let expected = got.body.verification();
    let mut body = got.body;
    let mut all = Vec::new();
    while let Some(chunk) = body.next().await {
        all.extend_from_slice(&chunk.unwrap());
    }
    assert_eq!(all, content());
    // Stores that keep no checksums have none to compare with.
    if let Verification::Pending(algorithm) = expected {
        assert_eq!(body.verification(), Verification::Verified(algorithm));
    }
}

async fn refused(put: PutObject<(String, String)>) {
    let error = put.await.unwrap_err();
    assert!(matches!(error.status(), Some(400)), "{error}");
}

pub fn cases() -> Vec<Case> {
    vec![
        case!("PutObject", "takes each checksum as a header", |t| {
            let bucket = t.bucket().await;
            for algorithm in Algorithm::ALL {
                puts_and_reads_back(&bucket, algorithm, content().into()).await;
            }
        }),
        case!("PutObject", "takes each checksum behind the body, in signed chunks", |t| {
            let bucket = t.bucket().await;
            for algorithm in Algorithm::ALL {
                puts_and_reads_back(&bucket, algorithm, stream(&content())).await;
            }
        }),
        case!("PutObject", "takes each checksum behind the body, in unsigned chunks", |t| {
            let bucket = t.unsigned.bucket(t.bucket().await.name());
            for algorithm in Algorithm::ALL {
                puts_and_reads_back(&bucket, algorithm, stream(&content())).await;
            }
        }),
        case!("PutObject", "a wrong checksum is refused", |t| {
            let bucket = t.bucket().await;
            let wrong = |algorithm| Hasher::of(algorithm, b"something else").to_base64();
            refused(bucket.put_object("a", "x").checksum_crc32(wrong(Algorithm::Crc32))).await;
            refused(bucket.put_object("a", "x").checksum_crc32c(wrong(Algorithm::Crc32c))).await;
            refused(bucket.put_object("a", "x").checksum_crc64nvme(wrong(Algorithm::Crc64Nvme))).await;
            refused(bucket.put_object("a", "x").checksum_sha1(wrong(Algorithm::Sha1))).await;
            refused(bucket.put_object("a", "x").checksum_sha256(wrong(Algorithm::Sha256))).await;
            let gone = bucket.get_object("a").await.unwrap_err();
            assert!(matches!(gone.kind(), ErrorKind::Object(_)), "nothing was stored: {gone}");
        }),
        case!("GetObject", "is compared with the checksum it was stored with", |t| {
            let bucket = t.bucket().await;
            for algorithm in Algorithm::ALL {
                let put = bucket.put_object("a", content());
                put.checksum_algorithm(ChecksumAlgorithm::from(algorithm.as_str())).await.unwrap();
                let mut body = bucket.get_object("a").checksum_mode("ENABLED").await.unwrap().body;
                assert_eq!(body.verification(), Verification::Pending(algorithm));
                while let Some(chunk) = body.next().await {
                    chunk.unwrap();
                }
                assert_eq!(body.verification(), Verification::Verified(algorithm));
            }
        }),
        case!("GetObject", "a composite checksum is verified part by part", |t| {
            let bucket = t.bucket().await;
            let parts = [vec![1u8; 5 * 1024 * 1024], vec![2u8; 70_000]];
            let begun = bucket.create_multipart_upload("a");
            let id = begun.checksum_algorithm("SHA256").checksum_type("COMPOSITE").await.unwrap().upload_id;
            let mut done = CompletedMultipartUpload::new();
            let mut composite = Composite::new(Algorithm::Sha256);
            for (number, part) in (1..).zip(&parts) {
                let sent =
                    bucket.upload_part("a", &id, number, stream(part)).checksum_algorithm("SHA256").await.unwrap();
                let sum = Hasher::of(Algorithm::Sha256, part);
                composite.push(&sum);
                let part = CompletedPart::new().part_number(number).e_tag(sent.e_tag.unwrap());
                done = done.parts([part.checksum_sha256(sum.to_base64())]);
            }
            bucket.complete_multipart_upload("a", &id, done).await.unwrap();
            for (number, part) in (1..).zip(&parts) {
                let got = bucket.get_object("a").part_number(number).checksum_mode("ENABLED").await.unwrap();
                assert_eq!(got.body.verification(), Verification::Pending(Algorithm::Sha256));
                assert_eq!(got.body.collect().await.unwrap(), part);
            }
            let whole = bucket.get_object("a").checksum_mode("ENABLED").await.unwrap();
            assert!(composite.agrees_with(&whole.checksum_sha256.unwrap()));
        }),
    ]
}
