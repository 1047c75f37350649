//! Sync against names, links and failures that mean harm, or just happen.

use std::fs;
use std::time::Duration;

use integration_s3::sync::{Names, SkipKind, Symlinks, SyncEnd, SyncSide};
use integration_s3::transfer::{Phase, TransferHandle};

use crate::sync::{Scratch, place, tree};

#[tokio::test]
async fn no_key_leaves_the_target_directory() {
    let place = place().await;
    let hostile = [
        "../x",
        "/abs",
        "a//b",
        "a/./b",
        ".",
        "..",
        "a/..",
        "../../../../tmp/sync-escape",
        "nul\0byte",
        "end/",
        "./x",
        "/",
        "//",
    ];
    for key in hostile {
        place.bucket.put_object(format!("p/{key}"), "evil").await.unwrap();
    }
    place.bucket.put_object(format!("p/{}", "n".repeat(256)), "long").await.unwrap();
    place.bucket.put_object("p/marker/", "").await.unwrap();
    place.bucket.put_object("p/good", "fine").await.unwrap();
    place.bucket.put_object("p/back\\slash", "fine").await.unwrap();
    let outer = Scratch::new();
    outer.write("x", "outside");
    let target = outer.0.join("in");
    let job = || place.client.sync(SyncEnd::prefix("mirror", "p"), SyncEnd::path(&target));
    let plan = job().plan().await.unwrap();
    let kinds = |kind| plan.skipped().iter().filter(|skip| skip.kind == kind).count();
    assert_eq!(kinds(SkipKind::Name), hostile.len() + 1, "{plan}");
    assert_eq!(kinds(SkipKind::DirectoryMarker), 1);
    assert_eq!(plan.items().len(), 2);
    let report = plan.run().await.unwrap();
    assert_eq!((report.transferred, report.failures), (2, 0), "{report}");
    let names: Vec<String> = tree(&outer.0).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["in/back\\slash", "in/good", "x"]);
    assert_eq!(outer.read("x").as_deref(), Some("outside"));
    // What can never come down is not deleted on the way up either.
    assert_eq!(
        place.client.sync(SyncEnd::path(&target), SyncEnd::prefix("mirror", "p")).delete(true).await.unwrap().deleted,
        0
    );
}

#[tokio::test]
async fn names_for_every_system_are_refused_where_asked_for() {
    let place = place().await;
    for key in ["CON", "a/NUL.txt", "dot.", "sp ", "a:b", "back\\slash", "Read.me", "read.ME", "docs/a", "Docs/b", "ok"]
    {
        place.bucket.put_object(format!("p/{key}"), key).await.unwrap();
    }
    let plan = place.down().names(Names::Portable).plan().await.unwrap();
    let keys: Vec<&str> = plan.items().iter().map(|item| item.key.as_str()).collect();
    assert_eq!(keys, ["Docs/b", "Read.me", "ok"], "{plan}");
    assert_eq!(plan.skipped().len(), 8);
    // The file is there, and stays there, though no portable key stands for it.
    place.dir.write("CON", "mine");
    let _ = place.down().names(Names::Portable).delete(true).await.unwrap();
    assert_eq!(place.dir.read("CON").as_deref(), Some("mine"));
    #[cfg(target_os = "linux")]
    assert_eq!(place.down().plan().await.unwrap().items().len(), 8, "three are there, and Linux can hold them all");
}

#[tokio::test]
async fn a_file_and_a_directory_of_one_name_are_told_apart_in_the_plan() {
    let place = place().await;
    for key in ["a", "a-b", "a.txt", "a/b", "a/c/d", "b/x", "c"] {
        place.bucket.put_object(format!("p/{key}"), key).await.unwrap();
    }
    place.dir.write("b", "a file where a directory must be");
    place.dir.write("c/inside", "a directory where a file must be");
    let plan = place.down().plan().await.unwrap();
    let mut skipped: Vec<&str> = plan.skipped().iter().map(|skip| skip.name.as_str()).collect();
    skipped.sort_unstable();
    assert_eq!(skipped, ["a/b", "a/c/d", "b/x"], "{plan}");
    assert!(plan.skipped().iter().all(|skip| skip.kind == SkipKind::InTheWay));
    let report = plan.run().await.unwrap();
    assert_eq!((report.transferred, report.failures), (3, 1), "{report}");
    assert!(report.failed[0].1.to_string().contains("it is a directory"), "{report}");
    assert_eq!(place.dir.read("b").as_deref(), Some("a file where a directory must be"));
    assert!(tree(&place.dir.0).iter().all(|(name, _)| !name.contains("s3part")));
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_is_written_or_deleted_through_a_link_in_the_target() {
    use std::os::unix::fs::symlink;
    let place = place().await;
    let outside = Scratch::new();
    outside.write("passwd", "untouched");
    symlink(&outside.0, place.dir.0.join("link")).unwrap();
    symlink(outside.0.join("passwd"), place.dir.0.join("file")).unwrap();
    for key in ["link/passwd", "link/new", "file", "fine"] {
        place.bucket.put_object(format!("p/{key}"), "evil").await.unwrap();
    }
    let plan = place.down().symlinks(Symlinks::Follow).delete(true).plan().await.unwrap();
    assert_eq!(plan.items().len(), 1, "{plan}");
    let _ = plan.run().await.unwrap();
    assert_eq!(tree(&outside.0), [("passwd".to_owned(), b"untouched".to_vec())]);
    assert!(fs::symlink_metadata(place.dir.0.join("file")).unwrap().is_symlink());

    // The link appears after the plan was made.
    let target = Scratch::new();
    let job = || place.client.sync(SyncEnd::prefix("mirror", "p"), SyncEnd::path(&target.0));
    let plan = job().plan().await.unwrap();
    symlink(&outside.0, target.0.join("link")).unwrap();
    let report = plan.run().await.unwrap();
    assert_eq!((report.transferred, report.failures), (2, 2), "{report}");
    assert!(report.failed[0].1.to_string().contains("symbolic link"), "{report}");
    assert_eq!(tree(&outside.0).len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn links_special_files_and_odd_names_in_the_source_are_reported_and_protect_their_twins() {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;
    let place = place().await;
    place.dir.write("real/file", "x");
    place.dir.write(".f.1-2-3.s3part", "an unfinished download");
    symlink("real", place.dir.0.join("dir")).unwrap();
    symlink("real/file", place.dir.0.join("one")).unwrap();
    symlink("nowhere", place.dir.0.join("broken")).unwrap();
    symlink(".", place.dir.0.join("real/loop")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(place.dir.0.join("socket")).unwrap();
    fs::write(place.dir.0.join(std::ffi::OsStr::from_bytes(b"bad\xff")), "x").unwrap();
    for key in ["p/dir/file", "p/one", "p/socket", "p/extra"] {
        place.bucket.put_object(key, "from before").await.unwrap();
    }
    let report = place.up().delete(true).await.unwrap();
    assert_eq!((report.transferred, report.deleted, report.failures), (1, 1, 0), "{report}");
    assert_eq!(place.keys().await, ["p/dir/file", "p/one", "p/real/file", "p/socket"]);
    let of = |kind| report.skipped.iter().filter(|skip| skip.kind == kind && skip.side == SyncSide::Source).count();
    assert_eq!((of(SkipKind::Symlink), of(SkipKind::Special), of(SkipKind::Name)), (4, 1, 1), "{report}");

    let report = place.up().symlinks(Symlinks::Follow).await.unwrap();
    assert_eq!(report.failures, 0, "{report}");
    let of = |kind| report.skipped.iter().filter(|skip| skip.kind == kind).count();
    assert_eq!(of(SkipKind::Symlink), 3, "broken, and the circle seen from two sides: {report}");
    assert_eq!(place.bucket.get_string("p/one").await.unwrap(), "x");
    let error = place.up().symlinks(Symlinks::Refuse).await.unwrap_err().to_string();
    assert!(error.contains("is a symbolic link, and those are refused"), "{error}");
}

#[tokio::test]
async fn a_failure_in_the_middle_stops_neither_the_rest_nor_lets_anything_be_deleted() {
    let place = place().await;
    for n in 0..40 {
        place.bucket.put_object(format!("p/{n:02}"), format!("{n}")).await.unwrap();
    }
    place.dir.write("extraneous", "x");
    let plan = place.down().delete(true).plan().await.unwrap();
    place.bucket.delete_object("p/07").await.unwrap();
    let report = plan.run().await.unwrap();
    assert_eq!((report.transferred, report.failures, report.deleted), (39, 1, 0), "{report}");
    assert_eq!(report.failed[0].0.key, "07");
    assert!(report.deletions_withheld.as_deref().unwrap().contains("1 transfers failed"));
    assert!(place.dir.0.join("extraneous").exists());
    assert!(report.into_result().unwrap_err().to_string().contains("07"));
    // The next run makes it whole.
    assert_eq!(place.down().delete(true).await.unwrap().deleted, 1);
}

#[cfg(unix)]
#[tokio::test]
async fn a_directory_that_cannot_be_read_turns_deletions_off() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = place().await;
    place.dir.write("open/a", "x");
    let shut = place.dir.write("shut/b", "x").parent().unwrap().to_owned();
    let _ = place.up().await.unwrap();
    place.bucket.put_object("p/extra", "x").await.unwrap();
    fs::set_permissions(&shut, fs::Permissions::from_mode(0o0)).unwrap();
    // The superuser reads everything: then there is nothing to be seen here.
    let readable = fs::read_dir(&shut).is_ok();
    let report = place.up().delete(true).await;
    fs::set_permissions(&shut, fs::Permissions::from_mode(0o755)).unwrap();
    let report = report.unwrap();
    if readable {
        assert_eq!(report.deleted, 1);
        return;
    }
    assert_eq!(report.deleted, 0, "{report}");
    assert!(report.deletions_withheld.is_some());
    assert_eq!(place.keys().await, ["p/extra", "p/open/a", "p/shut/b"]);
}

#[tokio::test]
async fn a_sync_that_is_called_off_deletes_nothing_and_a_paused_one_waits() {
    let place = place().await;
    for n in 0..50 {
        place.dir.write(&format!("{n}"), "x");
    }
    place.bucket.put_object("p/extra", "x").await.unwrap();
    let handle = TransferHandle::new();
    handle.pause();
    let running = place.up().delete(true).handle(&handle).start();
    while handle.progress().phase != Phase::Paused {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(place.keys().await, ["p/extra"]);
    handle.cancel();
    let error = running.await.unwrap_err();
    assert!(error.to_string().contains("called off"), "{error}");
    assert_eq!(place.keys().await, ["p/extra"]);

    let handle = TransferHandle::new();
    let _ = place.up().delete(true).handle(&handle).plan().await.unwrap().run().await.unwrap();
    let progress = handle.progress();
    assert_eq!((progress.phase, progress.bytes, progress.total, progress.parts_done), (Phase::Done, 50, Some(50), 50));
}
