//! What a download has to remember to go on later: which object, how it is cut, and which pieces are on the disk.

use serde_json::{Value, json};

use super::Fields;
use crate::transfer::download::Plan;

/// One piece that is on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DonePiece {
    pub(crate) number: u32,
    /// `ALGORITHM:base64` of the bytes as they came.
    pub(crate) sum: String,
    /// The algorithm by which the store's own checksum of the piece was compared.
    pub(crate) verified: Option<String>,
}

/// A download under way. No credentials, no keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DownloadState {
    /// As the caller asked for it.
    pub(crate) version_id: Option<String>,
    pub(crate) e_tag: String,
    pub(crate) plan: Plan,
    /// Name of the temporary file, which lies beside the target.
    pub(crate) part_file: String,
    pub(crate) done: Vec<DonePiece>,
}

impl DownloadState {
    /// Bytes that need not be fetched again, if the temporary file is as it was.
    pub(crate) fn bytes(&self) -> u64 {
        let done = |number| self.done.iter().any(|done| done.number == number);
        self.plan.pieces().iter().filter(|piece| done(piece.number)).map(|piece| piece.len()).sum()
    }

    pub(super) fn to_value(&self) -> Value {
        let done = self.done.iter().map(|piece| {
            let mut value = json!({ "number": piece.number, "sum": piece.sum });
            if let (Some(verified), Some(map)) = (&piece.verified, value.as_object_mut()) {
                map.insert("verified".to_owned(), json!(verified));
            }
            value
        });
        json!({
            "version_id": self.version_id,
            "e_tag": self.e_tag,
            "bytes": self.plan.total,
            "piece_size": self.plan.piece,
            "stored_part_size": self.plan.stored,
            "stored_parts": self.plan.parts,
            "part_file": self.part_file,
            "done": done.collect::<Vec<_>>(),
        })
    }

    /// # Errors
    /// What is missing or makes no sense.
    pub(super) fn from_value(value: &Value) -> Result<Self, String> {
        let map = Fields(value.as_object().ok_or("`download` is not a map")?);
        let parts = match map.0.get("stored_parts") {
            None | Some(Value::Null) => None,
            Some(_) => Some(u32::try_from(map.number("stored_parts")?).map_err(|_| "`stored_parts` is too large")?),
        };
        let (total, piece, stored) = (map.number("bytes")?, map.number("piece_size")?, map.number("stored_part_size")?);
        let plan = Plan { total, piece, stored, parts };
        if !plan.is_sane() {
            return Err("`piece_size` does not fit the size of the object".to_owned());
        }
        let mut done: Vec<DonePiece> = Vec::new();
        for piece in map.list("done")? {
            let piece = Fields(piece.as_object().ok_or("a piece is not a map")?);
            let number = u32::try_from(piece.number("number")?).map_err(|_| "the number of a piece is too large")?;
            if done.iter().any(|before| before.number == number) {
                return Err(format!("piece {number} is there twice"));
            }
            done.push(DonePiece { number, sum: piece.text("sum")?, verified: piece.maybe_text("verified")? });
        }
        let (version_id, e_tag, part_file) =
            (map.maybe_text("version_id")?, map.text("e_tag")?, map.text("part_file")?);
        Ok(Self { version_id, e_tag, plan, part_file, done })
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    pub(in crate::transfer::state) fn state() -> DownloadState {
        let piece = |number, verified: Option<&str>| DonePiece {
            number,
            sum: "CRC32:y/Q5Jg==".into(),
            verified: verified.map(str::to_owned),
        };
        DownloadState {
            version_id: Some("v".into()),
            e_tag: "\"x\"".into(),
            plan: Plan { total: 25, piece: 10, stored: 10, parts: Some(3) },
            part_file: ".b.1-2-3.s3part".into(),
            done: vec![piece(3, Some("SHA256")), piece(1, None)],
        }
    }

    #[test]
    fn refuses_what_it_did_not_write() {
        let good = state().to_value();
        assert_eq!(DownloadState::from_value(&good).unwrap(), state());
        assert_eq!(state().bytes(), 15);
        let changed = |name: &str, value: Value| {
            let mut map = good.as_object().unwrap().clone();
            assert!(map.insert(name.to_owned(), value).is_some(), "{name}");
            DownloadState::from_value(&Value::Object(map)).unwrap_err()
        };
        assert!(changed("piece_size", json!(0)).contains("piece_size"));
        assert!(changed("bytes", json!(u64::MAX)).contains("piece_size"));
        assert!(changed("stored_parts", json!(u64::MAX)).contains("stored_parts"));
        assert!(changed("stored_parts", json!(4_000_000_000_u64)).contains("piece_size"));
        assert!(changed("done", json!([{ "number": 1, "sum": "" }, { "number": 1, "sum": "" }])).contains("twice"));
        assert!(changed("done", json!([{ "number": -1, "sum": "" }])).contains("number"));
        assert!(changed("part_file", json!(7)).contains("part_file"));
        for other in [json!(null), json!([]), json!({})] {
            DownloadState::from_value(&other).unwrap_err();
        }
    }
}
