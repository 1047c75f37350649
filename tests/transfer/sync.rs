//! Directories and prefixes kept the same: both ways, again, with changes, with deletions and their guards.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use integration_s3::sync::{Compare, SkipKind, SyncAction, SyncEnd, SyncReason};
use integration_s3::{Bucket, Credentials, S3Client};
use integration_s3_devserver::DevServer;

pub(crate) struct Place {
    pub(crate) server: DevServer,
    pub(crate) client: S3Client,
    pub(crate) bucket: Bucket,
    pub(crate) dir: Scratch,
}

/// A directory of its own that goes away.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("sync-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.0.join(name)).ok()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) async fn place() -> Place {
    let server = DevServer::builder().start().await.unwrap();
    let client = S3Client::builder()
        .endpoint(server.endpoint())
        .credentials(Credentials::new(server.access_key(), server.secret_key()))
        .build()
        .unwrap();
    let bucket = client.bucket("mirror");
    bucket.create_bucket().await.unwrap();
    Place { server, client, bucket, dir: Scratch::new() }
}

impl Place {
    pub(crate) async fn keys(&self) -> Vec<String> {
        self.bucket.list_all_objects("").await.unwrap().into_iter().map(|object| object.key).collect()
    }

    pub(crate) fn up(&self) -> integration_s3::sync::SyncJob {
        self.client.sync(SyncEnd::path(&self.dir.0), SyncEnd::prefix("mirror", "p"))
    }

    pub(crate) fn down(&self) -> integration_s3::sync::SyncJob {
        self.client.sync(SyncEnd::prefix("mirror", "p"), SyncEnd::path(&self.dir.0))
    }
}

/// All files below a directory with their content, by relative name.
pub(crate) fn tree(root: &Path) -> Vec<(String, Vec<u8>)> {
    fn walk(root: &Path, at: &Path, out: &mut Vec<(String, Vec<u8>)>) {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, out);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                out.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    let mut out = Vec::new();
    walk(root, root, &mut out);
    out.sort();
    out
}

#[tokio::test]
async fn a_tree_goes_up_and_comes_down_the_same_and_a_second_run_moves_nothing() {
    let place = place().await;
    // Names whose order as paths differs from their order as keys.
    for name in ["a/b", "a.txt", "a-b/c", "a0", "empty", "ü/日本", "sp ace/+%41", "new\nline", "a/b.d/e"] {
        place.dir.write(name, name);
    }
    place.dir.write("empty", "");
    place.dir.write("large", vec![7; 3 << 20]);
    let before = place.server.stats().requests;
    let report = place.up().await.unwrap();
    assert_eq!((report.transferred, report.failures, report.skips), (10, 0, 0), "{report}");
    assert_eq!(report.requests, 11, "one page and ten files");
    assert_eq!(place.server.stats().requests - before, report.requests);

    let again = place.up().await.unwrap();
    assert_eq!((again.transferred, again.unchanged, again.requests), (0, 10, 1), "{again}");

    let other = Scratch::new();
    let down = || place.client.sync(SyncEnd::prefix("mirror", "p/"), SyncEnd::path(other.0.join("made")));
    let report = down().await.unwrap();
    assert_eq!((report.transferred, report.failures, report.requests), (10, 0, 11), "{report}");
    assert_eq!(tree(&other.0.join("made")), tree(&place.dir.0));
    let again = down().await.unwrap();
    assert_eq!((again.transferred, again.unchanged, again.requests), (0, 10, 1), "{again}");

    // The time of the file is that of the object, to the digit the store gives.
    let object = place.bucket.list_all_objects("p/a.txt").await.unwrap().remove(0);
    let modified = fs::metadata(other.0.join("made/a.txt")).unwrap().modified().unwrap();
    assert_eq!(integration_s3::Timestamp::from(modified), object.last_modified.unwrap());
}

#[tokio::test]
async fn only_changes_move_and_only_what_was_asked_for_is_deleted() {
    let place = place().await;
    for n in 0..20 {
        place.dir.write(&format!("d/{n:02}"), format!("content {n}"));
    }
    let _ = place.up().await.unwrap();
    place.bucket.put_object("p-other/keep", "neighbour").await.unwrap();
    place.bucket.put_object("p", "neighbour").await.unwrap();
    place.dir.write("d/00", "longer than it was before");
    place.dir.write("d/01", "CONTENT 1");
    place.dir.write("new", "new");
    fs::remove_file(place.dir.0.join("d/02")).unwrap();

    let kept = place.up().await.unwrap();
    assert_eq!((kept.transferred, kept.deleted, kept.unchanged), (3, 0, 17), "{kept}");
    assert!(place.keys().await.contains(&"p/d/02".to_owned()));

    let plan = place.up().delete(true).plan().await.unwrap();
    assert_eq!(plan.items().len(), 1, "{plan}");
    assert_eq!((plan.items()[0].action, plan.items()[0].key.as_str()), (SyncAction::Delete, "d/02"));
    assert_eq!(plan.items()[0].reason, SyncReason::Extraneous);
    let report = plan.run().await.unwrap().into_result().unwrap();
    assert_eq!((report.transferred, report.deleted, report.unchanged), (0, 1, 20));
    let keys = place.keys().await;
    assert!(!keys.contains(&"p/d/02".to_owned()));
    assert!(keys.contains(&"p-other/keep".to_owned()) && keys.contains(&"p".to_owned()));
    assert_eq!(place.bucket.get_string("p/d/01").await.unwrap(), "CONTENT 1");
}

#[tokio::test]
async fn deleting_downwards_removes_files_and_the_directories_this_empties() {
    let place = place().await;
    place.bucket.put_object("p/stay", "s").await.unwrap();
    place.dir.write("old/deep/file", "x");
    place.dir.write("edited", "x");
    fs::create_dir_all(place.dir.0.join("empty/before")).unwrap();
    let plan = place.down().delete(true).plan().await.unwrap();
    // Changed after the plan was made: not what was agreed to.
    place.dir.write("edited", "precious");
    let report = plan.run().await.unwrap();
    assert_eq!((report.transferred, report.deleted, report.failures), (1, 1, 1), "{report}");
    assert!(report.failed[0].1.to_string().contains("changed since"), "{report}");
    assert_eq!(place.dir.read("edited").as_deref(), Some("precious"));
    assert!(!place.dir.0.join("old").exists());
    assert!(place.dir.0.join("empty/before").is_dir(), "it was empty before");
}

#[tokio::test]
async fn an_empty_source_deletes_nothing_unless_allowed() {
    let place = place().await;
    for n in 0..3 {
        place.bucket.put_object(format!("p/{n}"), "x").await.unwrap();
    }
    for job in [place.up().delete(true), place.up().delete(true).include("*.nothing")] {
        let error = job.clone().run().await.unwrap_err().to_string();
        assert!(error.contains("no file that takes part"), "{error}");
        assert!(job.plan().await.is_err());
    }
    assert_eq!(place.keys().await.len(), 3);
    // Without deletion it is nothing special.
    assert_eq!(place.up().await.unwrap().transferred, 0);
    let report = place.up().delete(true).allow_empty_source(true).await.unwrap();
    assert_eq!(report.deleted, 3);

    place.dir.write("mine", "x");
    assert!(place.down().delete(true).await.is_err());
    assert_eq!(place.dir.read("mine").as_deref(), Some("x"));
    let missing = place.client.sync(SyncEnd::path(place.dir.0.join("gone")), SyncEnd::prefix("mirror", "p"));
    assert!(missing.allow_empty_source(true).delete(true).await.unwrap_err().to_string().contains("gone"));
}

#[tokio::test]
async fn more_deletions_than_allowed_are_none() {
    let place = place().await;
    place.dir.write("a", "x");
    for n in 0..5 {
        place.bucket.put_object(format!("p/{n}"), "x").await.unwrap();
    }
    let plan = place.up().delete(true).max_deletes(4).plan().await.unwrap();
    assert_eq!(plan.count(SyncAction::Delete), 0);
    assert!(plan.deletions_withheld().unwrap().contains("5 would be deleted, and at most 4"));
    let report = place.up().delete(true).max_deletes(4).await.unwrap();
    assert_eq!((report.transferred, report.deleted), (1, 0));
    assert!(!report.is_complete() && report.into_result().is_err());
    assert_eq!(place.up().delete(true).max_deletes(5).await.unwrap().deleted, 5);
}

#[tokio::test]
async fn a_dry_run_touches_nothing_and_its_json_says_the_same_as_its_text() {
    let place = place().await;
    place.dir.write("up \"1\"", "12345");
    place.bucket.put_object("p/gone", "x").await.unwrap();
    let (keys, before) = (place.keys().await, place.server.stats().requests);
    let plan = place.up().delete(true).plan().await.unwrap();
    assert_eq!(place.server.stats().requests - before, 1, "one page of the listing and nothing else");
    assert_eq!(plan.requests(), 1);
    assert_eq!(place.keys().await, keys);
    let json: serde_json::Value = serde_json::from_str(&plan.to_json()).unwrap();
    assert_eq!(json["items"][0]["action"], "delete");
    assert_eq!(json["items"][1]["key"], "up \"1\"");
    assert_eq!(json["items"][1]["bytes"], 5);
    assert_eq!(json["totals"]["transfers"], 1);
    assert_eq!(json["totals"]["deletions"], 1);
    let text = plan.to_string();
    assert!(text.contains("delete   gone  (1 B, not in the source)"), "{text}");
    assert!(text.contains("1 to upload (5 B), 1 to delete, 0 unchanged, 0 skipped"), "{text}");

    let target = place.dir.0.join("not/there");
    let down = place.client.sync(SyncEnd::prefix("mirror", "p"), SyncEnd::path(&target)).plan().await.unwrap();
    assert_eq!(down.items().len(), 1);
    assert!(!target.exists());
}

#[tokio::test]
async fn what_is_excluded_is_neither_moved_nor_deleted() {
    let place = place().await;
    for name in ["a.jpg", "b.txt", "tmp/c.jpg", "x/d.jpg"] {
        place.dir.write(name, "x");
    }
    for key in ["p/old.txt", "p/old.jpg", "p/tmp/old.jpg"] {
        place.bucket.put_object(key, "x").await.unwrap();
    }
    let report = place.up().include("**/*.jpg").exclude("tmp/**").delete(true).await.unwrap();
    assert_eq!((report.transferred, report.deleted), (2, 1), "{report}");
    assert_eq!(place.keys().await, ["p/a.jpg", "p/old.txt", "p/tmp/old.jpg", "p/x/d.jpg"]);

    let before = place.server.stats().requests;
    let error = place.up().include("ok").exclude("[z").run().await.unwrap_err().to_string();
    assert!(error.contains("exclude pattern `[z`"), "{error}");
    assert_eq!(place.server.stats().requests, before, "nothing was read");
}

#[tokio::test]
async fn a_change_that_keeps_size_and_time_is_seen_by_checksum_only() {
    let place = place().await;
    let path = place.dir.write("a", "one");
    let _ = place.up().await.unwrap();
    let past = fs::metadata(&path).unwrap().modified().unwrap() - std::time::Duration::from_secs(60);
    fs::write(&path, "two").unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(past).unwrap();
    assert_eq!(place.up().await.unwrap().transferred, 0);
    assert_eq!(place.up().compare(Compare::SizeOnly).await.unwrap().transferred, 0);
    let plan = place.up().compare(Compare::Checksum).plan().await.unwrap();
    assert_eq!(plan.items()[0].reason, SyncReason::Checksum);
    let _ = plan.run().await.unwrap();
    assert_eq!(place.bucket.get_string("p/a").await.unwrap(), "two");
    let again = place.up().compare(Compare::Checksum).await.unwrap();
    assert_eq!((again.transferred, again.unchanged, again.requests), (0, 1, 1), "the ETag is enough: {again}");
}

#[tokio::test]
async fn between_prefixes_and_between_servers() {
    let place = place().await;
    for n in 0..5 {
        place
            .bucket
            .put_object(format!("p/{n}"), format!("{n}"))
            .content_type("text/x")
            .metadata("k", "v")
            .await
            .unwrap();
    }
    place.bucket.put_object("p/../odd//key/", "not a file name, but a key").await.unwrap();
    let across = || place.client.sync(SyncEnd::prefix("mirror", "p"), SyncEnd::prefix("mirror", "q"));
    let report = across().await.unwrap();
    assert_eq!((report.transferred, report.failures, report.requests), (6, 0, 8), "{report}");
    assert_eq!(across().await.unwrap().transferred, 0);
    assert_eq!(across().compare(Compare::Checksum).await.unwrap().transferred, 0);
    assert_eq!(place.bucket.head_object("q/1").await.unwrap().metadata["k"], "v");

    let other = self::place().await;
    let to = || {
        let end = SyncEnd::prefix("mirror", "r").client(&other.client);
        place.client.sync(SyncEnd::prefix("mirror", "p"), end)
    };
    let report = to().await.unwrap();
    assert_eq!((report.transferred, report.failures), (6, 0), "{report}");
    assert_eq!(other.bucket.get_string("r/3").await.unwrap(), "3");
    assert_eq!(other.bucket.head_object("r/3").await.unwrap().content_type.as_deref(), Some("text/x"));
    assert_eq!(to().await.unwrap().transferred, 0);

    for (here, there) in [("p", "p"), ("", "p"), ("p/x", "p")] {
        let error = place.client.sync(SyncEnd::prefix("mirror", here), SyncEnd::prefix("mirror", there)).await;
        assert!(error.unwrap_err().to_string().contains("lie in each other"));
    }
    let error = place.client.sync(SyncEnd::path("a"), SyncEnd::path("b")).await.unwrap_err();
    assert!(error.to_string().contains("both ends are directories"));
}

#[tokio::test]
async fn more_than_a_page_is_deleted_in_bulk_and_odd_keys_one_by_one() {
    let place = place().await;
    place.dir.write("keep", "x");
    for n in 0..1_050 {
        place.bucket.put_object(format!("p/{n}"), "").await.unwrap();
    }
    place.bucket.put_object("p/\u{1}", "").await.unwrap();
    place.bucket.put_object("p/marker/", "").await.unwrap();
    let report = place.up().delete(true).await.unwrap();
    assert_eq!((report.deleted, report.failures), (1_051, 0), "{report}");
    assert_eq!(report.requests, 2 + 1 + 2 + 1, "pages, upload, bulk deletes, the key XML cannot hold");
    assert_eq!(place.keys().await, ["p/keep", "p/marker/"]);
    assert_eq!(report.skipped[0].kind, SkipKind::DirectoryMarker);
}
