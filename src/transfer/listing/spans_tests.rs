//! Cutting against a model: whatever the keys, the order of answers and the size of pages, every key comes exactly once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use super::*;

/// A small generator of its own, so that a failure names its seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % n.max(1)
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// What S3 answers.
fn serve(keys: &BTreeSet<String>, prefix: &str, ask: &What, size: usize) -> Page {
    let (after, prefix, folders) = match ask {
        What::Page { token: Some(token), .. } => (Some(token.clone()), prefix, false),
        What::Page { after, .. } => (after.clone(), prefix, false),
        What::Beyond { after } => (Some(after.clone()), prefix, false),
        What::Folders { base, after } => (Some(after.clone()), base.as_str(), true),
    };
    let mut page = Page::default();
    let behind = keys.iter().filter(|k| k.starts_with(prefix) && after.as_ref().is_none_or(|after| *k > after));
    for key in behind {
        let folder =
            folders.then(|| key[prefix.len()..].find('/').map(|at| key[..=prefix.len() + at].to_owned())).flatten();
        if folder.is_some() && folder.as_ref() == page.folders.last() {
            continue;
        }
        if page.objects.len() + page.folders.len() == size {
            page.truncated = true;
            page.token = page.objects.last().map(|object| object.key.clone());
            break;
        }
        match folder {
            Some(folder) => page.folders.push(folder),
            None => page.objects.push(Object { key: key.clone(), ..Object::default() }),
        }
    }
    page
}

struct Run {
    seen: Vec<String>,
    asked: usize,
    most_at_once: usize,
    most_waiting: usize,
}

fn run(keys: &BTreeSet<String>, mut spans: Spans, size: usize, dice: &mut Dice) -> Run {
    let prefix = spans.prefix().to_owned();
    let mut run = Run { seen: Vec::new(), asked: 0, most_at_once: 0, most_waiting: 0 };
    let mut open: Vec<Ask> = Vec::new();
    while !spans.is_done() {
        while let Some(ask) = spans.ask() {
            run.asked += 1;
            open.push(ask);
        }
        run.most_at_once = run.most_at_once.max(open.len());
        run.most_waiting = run.most_waiting.max(spans.spans.iter().map(|span| span.ready.len()).sum());
        // A reader that is now slow, now fast.
        let reads = dice.below(3) > 0;
        if let Some(objects) = reads.then(|| spans.ready()).flatten() {
            run.seen.extend(objects.into_iter().map(|object| object.key));
            continue;
        }
        if !open.is_empty() {
            let ask = open.swap_remove(dice.below(open.len()));
            let page = serve(keys, &prefix, &ask.what, size);
            spans.answer(ask, page).unwrap();
        }
        assert!(run.asked < 100_000, "does not end");
    }
    run
}

fn odd_keys(dice: &mut Dice) -> BTreeSet<String> {
    let pieces = [
        "/",
        "/",
        "/",
        "a",
        "b",
        "logs",
        "2026",
        "0",
        "9",
        "~",
        " ",
        "+",
        "%2F",
        "é",
        "ü",
        "日",
        "\u{fffd}",
        "\u{10fffe}",
        "\u{10ffff}",
        "\u{1}",
        "\u{7f}",
        "\u{d7ff}",
        "\u{e000}",
        "!",
        "\u{0}",
    ];
    let long = dice.below(6) + 1;
    let narrow = dice.below(pieces.len()) + 1;
    (0..dice.below(400) + 1)
        .map(|_| (0..dice.below(long) + 1).map(|_| dice.pick(&pieces[..narrow])).collect::<String>())
        .collect()
}

#[test]
fn every_key_comes_exactly_once_whatever_the_keys_and_the_order_of_answers() {
    let mut cut = 0;
    for seed in 0..1_500 {
        let mut dice = Dice(seed);
        let keys = odd_keys(&mut dice);
        let prefix = dice.pick(&["", "", "a", "logs/", "/", "é", "none"]).to_owned();
        let after = (dice.below(4) == 0).then(|| dice.pick(&["a", "logs/2", "\u{10ffff}", "0"]).to_owned());
        let (concurrency, size, room) = (dice.below(8) + 1, dice.below(9) + 1, dice.below(12) + 1);
        let ordered = dice.below(2) == 0;
        let delimiter = dice.pick(&["/", "/", "", "2026"]).to_owned();
        let wanted: Vec<String> = keys
            .iter()
            .filter(|k| k.starts_with(&prefix) && after.as_ref().is_none_or(|after| *k > after))
            .cloned()
            .collect();

        let spans = Spans::new(prefix, delimiter, after, concurrency, ordered, room);
        let mut run = run(&keys, spans, size, &mut dice);
        assert!(run.most_at_once <= concurrency, "seed {seed}: {} at once", run.most_at_once);
        // One more for the front, which may always ask.
        assert!(run.most_waiting <= room + 1, "seed {seed}: {} pages wait, room is {room}", run.most_waiting);
        if ordered {
            assert_eq!(run.seen, wanted, "seed {seed}");
        } else {
            run.seen.sort();
            assert_eq!(run.seen, wanted, "seed {seed}");
        }
        cut += usize::from(run.most_at_once > 1);
    }
    assert!(cut > 400, "only {cut} listings ran side by side: nothing was tried");
}

/// Pages of 1,000; answers arrive in waves, as over a network where all take equally long.
fn waves(keys: &BTreeSet<String>, concurrency: usize, ordered: bool) -> (usize, usize) {
    let mut spans = Spans::new(String::new(), "/".to_owned(), None, concurrency, ordered, concurrency * 8);
    let (mut waves, mut asked, mut seen) = (0, 0, 0);
    while !spans.is_done() {
        let open: Vec<Ask> = std::iter::from_fn(|| spans.ask()).collect();
        asked += open.len();
        waves += 1;
        for ask in open {
            let page = serve(keys, "", &ask.what, 1_000);
            spans.answer(ask, page).unwrap();
        }
        while let Some(objects) = spans.ready() {
            seen += objects.len();
        }
    }
    assert_eq!(seen, keys.len());
    (waves, asked)
}

#[test]
fn large_listings_take_a_fraction_of_the_round_trips() {
    let hex: BTreeSet<String> =
        (0..60_000u64).map(|n| format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let days: BTreeSet<String> =
        (0..60_000).map(|n| format!("logs/2026/{:02}/{:02}/{n:06}", n % 12 + 1, n / 12 % 28 + 1)).collect();
    let numbers: BTreeSet<String> = (0..60_000).map(|n| format!("photo-{n:08}.jpg")).collect();
    let tiny: BTreeSet<String> = (0..60_000).map(|n| format!("users/{}/profile", n * 7919)).collect();
    for (name, keys) in [("hex", hex), ("days", days), ("numbers", numbers), ("tiny folders", tiny)] {
        for ordered in [false, true] {
            let (waves, asked) = waves(&keys, 8, ordered);
            assert!(waves <= 36, "{name}, ordered {ordered}: {waves} round trips instead of 60");
            assert!(asked <= 130, "{name}, ordered {ordered}: {asked} requests for 60 full pages");
        }
    }
}

#[test]
fn a_small_bucket_costs_one_request() {
    let keys: BTreeSet<String> = (0..1_000).map(|n| format!("a/{n}")).collect();
    assert_eq!(waves(&keys, 8, true), (1, 1));
    assert_eq!(waves(&BTreeSet::new(), 8, false), (1, 1));
}

#[test]
fn a_store_that_keeps_no_order_is_an_error_and_not_a_hole() {
    for wrong in [["b", "a"], ["a", "a"]] {
        let mut spans = Spans::new(String::new(), "/".to_owned(), None, 4, true, 8);
        let ask = spans.ask().unwrap();
        let objects = wrong.map(|key| Object { key: key.to_owned(), ..Object::default() }).to_vec();
        let error = spans.answer(ask, Page { objects, ..Page::default() }).unwrap_err();
        assert!(error.to_string().contains("order of their bytes"), "{error}");
    }
}

#[test]
fn a_page_that_leads_nowhere_is_an_error() {
    let mut spans = Spans::new(String::new(), "/".to_owned(), None, 4, true, 8);
    let ask = spans.ask().unwrap();
    assert!(spans.answer(ask, Page { truncated: true, ..Page::default() }).is_err());
}
