//! Downloads of every size into every kind of place, against the embedded server: the same bytes, verified, and nothing left.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use integration_s3::config::ChecksumWhen;
use integration_s3::error::{ErrorKind, ObjectError};
use integration_s3::integrity::{Algorithm, Unchecked, Verification};
use integration_s3::transfer::TransferManager;
use integration_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use integration_s3::{Bucket, ClientBuilder, Credentials, S3Client};
use integration_s3_devserver::DevServer;
use tokio::io::AsyncReadExt as _;

/// A directory of its own, gone at the end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("downloads-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// All names in it, hidden ones too.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(&self.0).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Bytes that repeat nowhere.
pub fn bytes(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        bytes.extend_from_slice(&(state ^ (state >> 33)).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

pub async fn server() -> DevServer {
    DevServer::builder().min_part_size(1024).start().await.unwrap()
}

pub fn client(server: &DevServer) -> S3Client {
    client_with(server, |builder| builder)
}

pub fn client_with(server: &DevServer, change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> S3Client {
    let builder = S3Client::builder()
        .region(server.region())
        .endpoint(server.endpoint())
        .credentials(Credentials::new(server.access_key(), server.secret_key()))
        .request_checksums(ChecksumWhen::Supported)
        .response_checksums(ChecksumWhen::Supported);
    change(builder).build().unwrap()
}

/// Pieces of 64 KiB from 100 KiB on.
pub fn small_pieces(client: &S3Client) -> TransferManager {
    client.transfer().threshold(100 << 10).part_size(64 << 10).concurrency(4)
}

/// Stores `data` in parts of these sizes.
pub async fn put_in_parts(
    bucket: &Bucket,
    key: &str,
    data: &[u8],
    sizes: &[usize],
    how: (ChecksumAlgorithm, ChecksumType),
) {
    let create = bucket.create_multipart_upload(key).checksum_algorithm(how.0.clone()).checksum_type(how.1.clone());
    let id = create.await.unwrap().upload_id;
    let (mut at, mut parts) = (0, Vec::new());
    for (n, size) in sizes.iter().enumerate() {
        let body = data[at..at + size].to_vec();
        let part = bucket.upload_part(key, &id, n as i32 + 1, body).checksum_algorithm(how.0.clone()).await.unwrap();
        let mut done = CompletedPart::new().part_number(n as i32 + 1).e_tag(part.e_tag.unwrap());
        done.checksum_crc32 = part.checksum_crc32;
        done.checksum_crc32c = part.checksum_crc32c;
        done.checksum_crc64nvme = part.checksum_crc64nvme;
        done.checksum_sha1 = part.checksum_sha1;
        done.checksum_sha256 = part.checksum_sha256;
        parts.push(done);
        at += size;
    }
    assert_eq!(at, data.len());
    let all = CompletedMultipartUpload::new().parts(parts);
    bucket.complete_multipart_upload(key, id, all).checksum_type(how.1).await.unwrap();
}

struct Got {
    bytes: Vec<u8>,
    verification: Verification,
    parts: u32,
}

/// The same object three ways.
async fn three_ways(transfers: &TransferManager, bucket: &str, key: &str, folder: &Folder) -> Vec<Got> {
    let path = folder.path("target");
    let file = transfers.download(bucket, key).to_path(&path).await.unwrap();
    let on_disk = fs::read(&path).unwrap();
    assert_eq!(folder.names(), ["target"], "{key}");
    fs::remove_file(&path).unwrap();

    let (memory, all) = transfers.download(bucket, key).to_bytes().await.unwrap();

    let (near, mut far) = tokio::io::duplex(10_000);
    let reading = tokio::spawn(async move {
        let mut all = Vec::new();
        far.read_to_end(&mut all).await.unwrap();
        all
    });
    let piped = transfers.download(bucket, key).to_writer(near).await.unwrap();
    let read = reading.await.unwrap();

    [(file, on_disk), (memory, all.to_vec()), (piped, read)]
        .into_iter()
        .map(|(done, bytes)| {
            assert_eq!(done.bytes, bytes.len() as u64, "{key}");
            assert!(done.e_tag.is_some() && done.last_modified.is_some(), "{key}");
            Got { bytes, verification: done.verification, parts: done.parts }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_size_arrives_as_it_was_stored() {
    let (server, folder) = (server().await, Folder::new());
    let client = client(&server);
    let bucket = client.bucket("sizes");
    bucket.create_bucket().await.unwrap();
    let (k, threshold) = (1 << 10, 100 << 10);
    let sizes = [0, 1, k, threshold - 1, threshold, threshold + 1, 128 * k, 128 * k + 1, 600 * k, 3_000_001];
    for size in sizes {
        let data = bytes(size, size as u64);
        bucket.put_object("a", data.clone()).await.unwrap();
        let before = server.stats().requests;
        for got in three_ways(&small_pieces(&client), "sizes", "a", &folder).await {
            assert!(got.bytes == data, "{size} bytes");
            assert_eq!(got.verification, Verification::Verified(Algorithm::Crc64Nvme), "{size} bytes");
            let pieces = if size <= threshold { 0 } else { size.div_ceil(64 << 10) as u32 };
            assert_eq!(got.parts, pieces, "{size} bytes");
        }
        // The answer that tells the size has the first piece in it, so nothing is asked twice.
        let requests = if size <= threshold { 1 } else { size.div_ceil(64 << 10) as u64 };
        assert_eq!(server.stats().requests - before, 3 * requests, "{size} bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_checksum_is_stored_is_compared() {
    use ChecksumAlgorithm as Of;
    let (server, folder) = (server().await, Folder::new());
    let client = client(&server);
    let bucket = client.bucket("sums");
    bucket.create_bucket().await.unwrap();
    let data = bytes(500_000, 7);
    let equal = [100_000; 5];
    let kinds = [
        (Of::Crc64Nvme, ChecksumType::FullObject, Algorithm::Crc64Nvme),
        (Of::Crc32, ChecksumType::FullObject, Algorithm::Crc32),
        (Of::Crc32C, ChecksumType::FullObject, Algorithm::Crc32c),
        (Of::Crc32, ChecksumType::Composite, Algorithm::Crc32),
        (Of::Crc32C, ChecksumType::Composite, Algorithm::Crc32c),
        (Of::Sha1, ChecksumType::Composite, Algorithm::Sha1),
        (Of::Sha256, ChecksumType::Composite, Algorithm::Sha256),
    ];
    for (algorithm, kind, by) in kinds {
        put_in_parts(&bucket, "parts", &data, &equal, (algorithm.clone(), kind.clone())).await;
        for got in three_ways(&small_pieces(&client), "sums", "parts", &folder).await {
            assert!(got.bytes == data, "{algorithm} {kind:?}");
            assert_eq!(got.verification, Verification::Verified(by), "{algorithm} {kind:?}");
        }
    }
    // Sums that do not add up, of objects that were sent in one go.
    for (algorithm, by) in [(Of::Sha1, Algorithm::Sha1), (Of::Sha256, Algorithm::Sha256), (Of::Crc32, Algorithm::Crc32)]
    {
        bucket.put_object("whole", data.clone()).checksum_algorithm(algorithm.clone()).await.unwrap();
        for got in three_ways(&small_pieces(&client), "sums", "whole", &folder).await {
            assert!(got.bytes == data && got.parts > 1, "{algorithm}");
            assert_eq!(got.verification, Verification::Verified(by), "{algorithm}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_compared_says_why() {
    let (server, folder) = (server().await, Folder::new());
    let careful = client(&server);
    let bucket = careful.bucket("why");
    bucket.create_bucket().await.unwrap();
    let data = bytes(500_000, 9);
    // Parts of different sizes: where they begin is not known.
    let how = (ChecksumAlgorithm::Sha256, ChecksumType::Composite);
    put_in_parts(&bucket, "uneven", &data, &[50_000, 200_000, 250_000], how).await;
    for got in three_ways(&small_pieces(&careful), "why", "uneven", &folder).await {
        assert!(got.bytes == data);
        assert_eq!(got.verification, Verification::NotChecked(Unchecked::Composite));
    }
    // As many as there would be if they were equal: only the parts themselves tell.
    let how = (ChecksumAlgorithm::Sha256, ChecksumType::Composite);
    put_in_parts(&bucket, "sly", &data, &[200_000, 180_000, 120_000], how).await;
    for got in three_ways(&small_pieces(&careful), "why", "sly", &folder).await {
        assert!(got.bytes == data);
        assert_eq!(got.verification, Verification::NotChecked(Unchecked::Composite));
    }
    let careless = S3Client::builder()
        .region(server.region())
        .endpoint(server.endpoint())
        .credentials(Credentials::new(server.access_key(), server.secret_key()))
        .build()
        .unwrap();
    for got in three_ways(&small_pieces(&careless), "why", "uneven", &folder).await {
        assert!(got.bytes == data);
        assert_eq!(got.verification, Verification::NotChecked(Unchecked::NotAsked));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_parts_decide_where_ranges_end() {
    let (server, folder) = (server().await, Folder::new());
    let client = client(&server);
    let bucket = client.bucket("aligned");
    bucket.create_bucket().await.unwrap();
    let data = bytes(1_000_000, 3);
    let full = || (ChecksumAlgorithm::Crc64Nvme, ChecksumType::FullObject);
    put_in_parts(&bucket, "large", &data, &[400_000, 400_000, 200_000], full()).await;
    put_in_parts(&bucket, "small", &data, &[20_000; 50], full()).await;
    let large = three_ways(&small_pieces(&client), "aligned", "large", &folder).await;
    // 400,000 in seven pieces of at most 64 KiB, twice, and 200,000 in four.
    assert!(large.iter().all(|got| got.bytes == data && got.parts == 18), "{:?}", large[0].parts);
    let small = three_ways(&small_pieces(&client), "aligned", "small", &folder).await;
    // Three parts of 20,000 to a piece.
    assert!(small.iter().all(|got| got.bytes == data && got.parts == 17), "{:?}", small[0].parts);
}

#[tokio::test(flavor = "multi_thread")]
async fn codings_are_left_as_they_are_and_facts_come_along() {
    let (server, folder) = (server().await, Folder::new());
    let client = client(&server);
    let bucket = client.bucket("facts");
    bucket.create_bucket().await.unwrap();
    let data = bytes(300_000, 4);
    let put = bucket.put_object("a", data.clone()).content_encoding("gzip").content_type("text/plain");
    put.metadata("author", "alice").await.unwrap();
    let path = folder.path("a");
    let got = small_pieces(&client).download("facts", "a").to_path(&path).await.unwrap();
    assert!(fs::read(&path).unwrap() == data, "not decoded");
    assert_eq!(got.content_encoding.as_deref(), Some("gzip"));
    assert_eq!(got.content_type.as_deref(), Some("text/plain"));
    assert_eq!(got.metadata.get("author").map(String::as_str), Some("alice"));
    assert_eq!((got.bytes, got.resumed), (300_000, 0));
}

#[cfg(feature = "bucket-settings")]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_configured_goes_with_every_request() {
    let (server, folder) = (server().await, Folder::new());
    let client = client(&server);
    let bucket = client.bucket("versions");
    bucket.create_bucket().await.unwrap();
    let on = integration_s3::types::VersioningConfiguration::new().status("Enabled");
    bucket.put_bucket_versioning(on).await.unwrap();
    let (old, new) = (bytes(300_000, 1), bytes(300_000, 2));
    let version = bucket.put_object("a", old.clone()).await.unwrap().version_id.unwrap();
    bucket.put_object("a", new).await.unwrap();
    let path = folder.path("a");
    let download = small_pieces(&client).download("versions", "a");
    let got = download.configure(|get| get.version_id(&version)).to_path(&path).await.unwrap();
    assert_eq!(got.version_id.as_deref(), Some(&*version));
    assert!(fs::read(&path).unwrap() == old);

    let ranged = small_pieces(&client).download("versions", "a").configure(|get| get.range(0..10));
    let error = ranged.to_path(&path).await.unwrap_err();
    assert!(error.to_string().contains("`range` and `part_number` cannot be configured"), "{error}");
    assert_eq!(folder.names(), ["a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_too_large_for_memory_is_refused_before_it_is_read() {
    let server = server().await;
    let client = client(&server);
    let bucket = client.bucket("memory");
    bucket.create_bucket().await.unwrap();
    bucket.put_object("a", bytes(300_000, 1)).await.unwrap();
    let download = small_pieces(&client).download("memory", "a").to_bytes().max_bytes(299_999);
    let error = download.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Object(ObjectError::TooLarge));
    assert!(error.to_string().contains("300000 bytes, more than the 299999"), "{error}");
    let (_, all) = small_pieces(&client).download("memory", "a").to_bytes().max_bytes(300_000).await.unwrap();
    assert_eq!(all.len(), 300_000);
}

/// What a missing object leaves: nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_object_leaves_the_old_file_alone() {
    let (server, folder) = (server().await, Folder::new());
    let client = client(&server);
    client.create_bucket().bucket("none").await.unwrap();
    let path: &Path = &folder.path("a");
    fs::write(path, "old").unwrap();
    let error = small_pieces(&client).download("none", "ghost").to_path(path).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    assert_eq!(fs::read(path).unwrap(), b"old");
    assert_eq!(folder.names(), ["a"]);
}
