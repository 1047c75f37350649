//! Which pieces an object is fetched in. Pure: numbers in, numbers out.

/// No object comes in more pieces than about this many, however large it is: each is remembered until the end.
const MOST: u64 = 10_000;

/// Consecutive bytes of the object that one request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// From 1, in the order of the object.
    pub(crate) number: u32,
    /// The first byte.
    pub(crate) start: u64,
    /// One behind the last.
    pub(crate) end: u64,
    /// Asked for by the number of the stored part, not as a range. Where it lies is then a guess: the answer knows.
    pub(crate) by_part: bool,
}

impl Piece {
    pub(crate) fn len(&self) -> u64 {
        self.end - self.start
    }
}

/// How an object of known length is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) total: u64,
    /// Bytes of a piece, the last one excepted; ends of stored parts cut as well.
    pub(crate) piece: u64,
    /// Bytes of a stored part; 0 if it is not known to have several.
    pub(crate) stored: u64,
    /// Ask part by part: how many there are.
    pub(crate) parts: Option<u32>,
}

impl Plan {
    /// Ranges of about `wanted` bytes. With stored parts of `stored` bytes each, no range begins or ends inside of two: small
    /// parts are put together, large ones are cut into equal pieces.
    pub(crate) fn ranges(total: u64, wanted: u64, stored: u64) -> Self {
        let wanted = wanted.max(total.div_ceil(MOST)).max(1);
        let (piece, stored) = match stored {
            stored if stored == 0 || stored >= total => (wanted, 0),
            stored if stored <= wanted => (wanted / stored * stored, 0),
            stored => (stored.div_ceil(stored.div_ceil(wanted)), stored),
        };
        Self { total, piece, stored, parts: None }
    }

    /// One piece per stored part, asked for by its number.
    pub(crate) fn by_part(total: u64, count: u32, stored: u64) -> Self {
        Self { total, piece: stored, stored, parts: Some(count) }
    }

    /// Whether it can have been made here: no file can talk anybody into billions of pieces.
    pub(crate) fn is_sane(&self) -> bool {
        const FEW: u64 = 10 * MOST;
        let cuts = |size: u64| self.total.checked_div(size).unwrap_or(0);
        self.piece > 0
            && cuts(self.piece) <= FEW
            && cuts(self.stored) <= FEW
            && u64::from(self.parts.unwrap_or(0)) <= FEW
    }

    /// The pieces in order. They tile the object, unless they are asked for by number.
    pub(crate) fn pieces(&self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if let Some(count) = self.parts {
            for number in 1..=count {
                let start = u64::from(number - 1).saturating_mul(self.stored).min(self.total);
                let end = if number == count { self.total } else { (start + self.stored).min(self.total) };
                pieces.push(Piece { number, start, end, by_part: true });
            }
            return pieces;
        }
        let mut start = 0;
        while start < self.total {
            let boundary = match self.stored {
                0 => self.total,
                stored => (start / stored + 1).saturating_mul(stored).min(self.total),
            };
            let end = start.saturating_add(self.piece.max(1)).min(boundary);
            pieces.push(Piece { number: pieces.len() as u32 + 1, start, end, by_part: false });
            start = end;
        }
        pieces
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn ends(plan: Plan) -> Vec<u64> {
        let pieces = plan.pieces();
        let mut at = 0;
        for (n, piece) in pieces.iter().enumerate() {
            assert_eq!((piece.number, piece.start), (n as u32 + 1, at), "{plan:?}");
            assert!(piece.end > piece.start, "{plan:?}");
            at = piece.end;
        }
        assert_eq!(at, plan.total, "{plan:?}");
        pieces.iter().map(|piece| piece.end).collect()
    }

    #[test]
    fn ranges_tile_the_object() {
        assert_eq!(ends(Plan::ranges(25, 10, 0)), [10, 20, 25]);
        assert_eq!(ends(Plan::ranges(20, 10, 0)), [10, 20]);
        assert_eq!(ends(Plan::ranges(1, 10, 0)), [1]);
        assert_eq!(ends(Plan::ranges(0, 10, 0)), [0; 0]);
    }

    #[test]
    fn small_stored_parts_are_put_together() {
        assert_eq!(ends(Plan::ranges(25, 10, 4)), [8, 16, 24, 25]);
        assert_eq!(ends(Plan::ranges(25, 10, 10)), [10, 20, 25]);
    }

    #[test]
    fn large_stored_parts_are_cut_into_equal_pieces() {
        assert_eq!(ends(Plan::ranges(50, 10, 24)), [8, 16, 24, 32, 40, 48, 50]);
        assert_eq!(ends(Plan::ranges(50, 10, 11)), [6, 11, 17, 22, 28, 33, 39, 44, 50]);
        // One part is no part.
        assert_eq!(ends(Plan::ranges(50, 20, 50)), [20, 40, 50]);
    }

    #[test]
    fn the_largest_object_has_a_bearable_number_of_pieces() {
        const TIB: u64 = 1 << 40;
        for stored in [0, 5 << 20, 64 << 20, 5 << 30] {
            let count = ends(Plan::ranges(50 * TIB, 8 << 20, stored)).len();
            assert!((1..=21_000).contains(&count), "{count} pieces with stored parts of {stored}");
        }
    }

    #[test]
    fn parts_are_guessed_to_be_equal() {
        let spans: Vec<_> = Plan::by_part(25, 3, 10).pieces().iter().map(|p| (p.start, p.end)).collect();
        assert_eq!(spans, [(0, 10), (10, 20), (20, 25)]);
        // A first part that is larger than the others.
        let spans: Vec<_> = Plan::by_part(25, 4, 20).pieces().iter().map(|p| (p.start, p.end)).collect();
        assert_eq!(spans, [(0, 20), (20, 25), (25, 25), (25, 25)]);
    }
}
