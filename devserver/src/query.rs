//! Query strings, as far as the gate reads them itself.

pub(crate) fn parse(text: &str) -> Vec<(String, String)> {
    let decode = |t: &str| {
        let mut out = Vec::new();
        let mut rest = t.as_bytes();
        while let Some((&first, tail)) = rest.split_first() {
            let escaped = (first == b'%')
                .then(|| tail.get(..2).and_then(|h| std::str::from_utf8(h).ok()))
                .flatten()
                .and_then(|h| u8::from_str_radix(h, 16).ok());
            out.push(escaped.unwrap_or(if first == b'+' { b' ' } else { first }));
            rest = if escaped.is_some() { &tail[2..] } else { tail };
        }
        String::from_utf8_lossy(&out).into_owned()
    };
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

pub(crate) fn value<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
}
